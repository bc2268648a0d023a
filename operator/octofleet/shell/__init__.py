"""The operator's edges: kopf, the API server, breweries, Jicofo and bridges. It decides nothing."""
