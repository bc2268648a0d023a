"""Turns media effects of the core into commands of the engine, one for one."""

from typing import assert_never

from octobridge.core import effects as fx
from octoengine import Command

__all__ = ["command"]


def command(effect: fx.MediaEffect) -> Command:
    """Return the engine's command for an effect."""
    match effect:
        case fx.SetPayloadTypes() | fx.SetExtensions() | fx.SetFeedback():
            return _negotiated(effect)
        case fx.AddSource() | fx.RemoveSource() | fx.SetEncodings() | fx.MuteSource():
            return _source(effect)
        case fx.Subscribe(receiver, sender, ssrc, out_ssrc, out_rtx_ssrc, mid, whole):
            return Command.Subscribe(receiver, sender, ssrc, out_ssrc, out_rtx_ssrc, mid, whole)
        case fx.Unsubscribe(receiver, sender, ssrc):
            return Command.Unsubscribe(receiver, sender, ssrc)
        case fx.SetTarget(receiver, sender, ssrc, encoding, temporal, spatial):
            return Command.SetTarget(receiver, sender, ssrc, encoding, temporal, spatial)
        case fx.RequestKeyframe(transport, ssrc):
            return Command.RequestKeyframe(transport, ssrc)
        case fx.SetProbing(transport, bps):
            return Command.SetProbing(transport, bps)
        case _:
            assert_never(effect)


def _negotiated(effect: fx.SetPayloadTypes | fx.SetExtensions | fx.SetFeedback) -> Command:
    match effect:
        case fx.SetPayloadTypes(transport, payload_types):
            return Command.SetPayloadTypes(transport, payload_types)
        case fx.SetExtensions(transport, extensions):
            return Command.SetExtensions(transport, extensions)
        case fx.SetFeedback(transport, transport_cc, remb, nack):
            return Command.SetFeedback(transport, transport_cc, remb, nack)


def _source(
    effect: fx.AddSource | fx.RemoveSource | fx.SetEncodings | fx.MuteSource,
) -> Command:
    match effect:
        case fx.AddSource(transport, ssrc, kind, repairs):
            return Command.AddSource(transport, ssrc, kind, repairs)
        case fx.RemoveSource(transport, ssrc):
            return Command.RemoveSource(transport, ssrc)
        case fx.SetEncodings(transport, ssrcs):
            return Command.SetEncodings(transport, ssrcs)
        case fx.MuteSource(transport, ssrc, muted):
            return Command.SetMuted(transport, ssrc, muted)
