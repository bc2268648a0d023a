"""XML namespaces of Jitsi's signalling, each under the name the code calls it by."""

__all__ = [
    "COLIBRI",
    "COLIBRI2",
    "DTLS",
    "HEALTHCHECK",
    "ICE",
    "JABBER_CLIENT",
    "JABBER_VERSION",
    "MUC",
    "MUC_USER",
    "PING",
    "RTCP_FEEDBACK",
    "RTP",
    "RTP_EXTENSIONS",
    "SSMA",
    "STANZAS",
]

COLIBRI = "http://jitsi.org/protocol/colibri"
COLIBRI2 = "jitsi:colibri2"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
HEALTHCHECK = "http://jitsi.org/protocol/healthcheck"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
JABBER_CLIENT = "jabber:client"
JABBER_VERSION = "jabber:iq:version"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
PING = "urn:xmpp:ping"
RTCP_FEEDBACK = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
RTP = "urn:xmpp:jingle:apps:rtp:1"
RTP_EXTENSIONS = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
SSMA = "urn:xmpp:jingle:apps:rtp:ssma:0"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
