"""The videobridge's control side: `core` decides (pure), `shell` speaks XMPP, HTTP, ICE and DTLS.

Packets are the engine's (`octoengine`): none of them passes through Python.
"""
