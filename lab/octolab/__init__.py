"""A real multi-node Kubernetes on one Linux machine, made of network namespaces.

`layout`, `pki` names, `flags`, `configs`, `addons`, `leftovers` and `steps` decide and do no
I/O; `processes`, `network`, `cgroups`, `nodes`, `control_plane` and `images` act; `cluster` and
`provision` put them in order. Nothing here knows the product's packages: it only builds them.
"""
