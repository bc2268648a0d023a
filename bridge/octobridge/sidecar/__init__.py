"""An authenticating door in front of a stock videobridge.

The stock bridge's private REST asks nobody who they are and can shut the bridge down, and a pod on
its node's network is outside most network policies. So it listens on loopback, and this listens on
the node's address: with the bearer token, for the routes octobridge has itself, and no others.
"""
