"""Messages of a run: subscribed early, sent, matched and taken (M4 to M15). No part of it talks to a broker."""
