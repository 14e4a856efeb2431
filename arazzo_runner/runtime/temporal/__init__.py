"""Durable runs on many machines: a Temporal workflow in which a run's turns are taken, and activities that send.

Needs the extra ``temporal``. Whatever may hold a secret leaves a process only sealed (``payloads``).
"""
