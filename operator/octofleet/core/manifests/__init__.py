"""Package manifests."""
