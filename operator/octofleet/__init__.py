"""The operator: runs Jitsi platforms on Kubernetes, grows and shrinks them, drops nobody.

`api` holds the resources, `core` decides (pure), `shell` observes and acts, `cli` is for people.
"""
