"""The product shown and proven on a real cluster: demo, proofs and what the e2e tests share.

`kube` reaches the cluster, `platform` installs Octofleet on it, `crowd` drives the synthetic
participants, `fleet` watches, and each scenario (`demo`, `hpa`, `restart`) is a module.
"""
