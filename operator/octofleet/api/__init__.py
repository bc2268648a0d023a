"""The resources JitsiCluster and OctoRegion: models, their CRDs, and what holds after merging."""
