"""Metadata services of clouds: the addresses and names at which a machine's credentials are given to whoever asks.

An IPv4 address has many spellings: inside an IPv6 address of a translator or a tunnel, or as fewer than four numbers,
hexadecimal and octal ones among them. A gateway, or the system's look-up of names, leads each to the same machine.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

METADATA_HOSTS = frozenset(
    {
        *("169.254.169.254", "fd00:ec2::254"),  # most clouds
        *("169.254.170.2", "169.254.170.23", "fd00:ec2::23"),  # containers of Amazon's
        *("metadata.google.internal", "fd20:ce::254"),
        "100.100.100.200",  # Alibaba
    }
)
"""Where clouds give a machine's credentials to whoever asks from it; never reached unless named by the user."""

_LAST = 0
"""The offset in bits, from the right, of an IPv4 address at the end of an IPv6 address."""


def _at(offset: int) -> Callable[[int], int]:
    """Return a function that takes an IPv4 address out of an IPv6 address."""
    return lambda address: address >> offset & 0xFFFFFFFF


def _around_octet_8(address: int) -> int:
    """Take an IPv4 address out of one with a prefix of 48 bits, whose octet 8 is zero (RFC 6052, 2.2)."""
    return (address >> 64 & 0xFFFF) << 16 | address >> 40 & 0xFFFF


_EMBEDDED: tuple[tuple[IPv6Network, Callable[[int], int]], ...] = (
    (IPv6Network("::ffff:0:0/96"), _at(_LAST)),  # IPv4-mapped (RFC 4291)
    (IPv6Network("::/96"), _at(_LAST)),  # IPv4-compatible (RFC 4291)
    (IPv6Network("::ffff:0:0:0/96"), _at(_LAST)),  # IPv4-translated (RFC 2765)
    (IPv6Network("64:ff9b::/96"), _at(_LAST)),  # NAT64 (RFC 6052)
    (IPv6Network("64:ff9b:1::/48"), _at(_LAST)),  # NAT64 of a local network (RFC 8215)
    (IPv6Network("64:ff9b:1::/48"), _around_octet_8),
    (IPv6Network("2002::/16"), _at(80)),  # 6to4 (RFC 3056)
    (IPv6Network("2001::/32"), lambda address: ~address & 0xFFFFFFFF),  # Teredo, whose client is inverted (RFC 4380)
)
"""Ranges of IPv6 addresses that hold IPv4 addresses, and how to take them out."""
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The middle of an IPv6 address of any network that ends with an IPv4 address (RFC 5214)."""


def is_metadata_host(host: str) -> bool:
    """Return whether a host name or address is a cloud's metadata service, however the address is written."""
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    return name in METADATA_HOSTS or any(str(address) in METADATA_HOSTS for address in _addresses(name))


def _addresses(host: str) -> Iterator[IPv4Address | IPv6Address]:
    """An address, and those that are embedded in it; none of a name that has to be looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        with suppress(OSError, UnicodeError, ValueError):  # 0xa9fea9fe, 2852039166, 0251.0376.43518
            yield IPv4Address(socket.inet_aton(host))
        return
    yield address
    if isinstance(address, IPv6Address):
        number = int(address)
        yield from (IPv4Address(taken(number)) for network, taken in _EMBEDDED if address in network)
        if number >> 32 & 0xFFFFFFFF in _ISATAP:
            yield IPv4Address(_at(_LAST)(number))
