"""An authenticating door in front of a private REST that asks nobody who they are.

A stock bridge's REST can shut the bridge down, and a pod on its node's network is outside most
network policies: so it listens on loopback, and this, beside it, on the node's address. Jicofo's
REST can move anybody: regions in another Kubernetes reach it through this, by TLS, and only what
evacuation needs. Both ask for a bearer token and let a short list of routes pass, nothing else.
"""
