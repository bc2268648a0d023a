"""The bridge's edges: brewery, REST, ICE and DTLS links, and the one adapter of the engine."""
