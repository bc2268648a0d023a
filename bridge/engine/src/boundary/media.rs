//! Validation of the commands about sources, and about who gets what of them.

use super::checks::{self, id, invalid, natural};
use super::command::Command;
use crate::instruction::{ALL_SPATIAL, ALL_TEMPORAL, Aim, Feedback, Instruction, Kind, Mid, Slot};
use crate::rtp::{Codec, Extension, Extensions, PayloadTypes};
use pyo3::prelude::*;

/// Simulcast encodings a picture may have.
const MOST_ENCODINGS: usize = 8;

impl Command {
    /// The validated instruction about media, or ValueError.
    pub(super) fn validate_media(&self, py: Python<'_>) -> PyResult<Instruction> {
        Ok(match self {
            Self::SetPayloadTypes { transport, payload_types: types } => {
                let payload_types = Box::new(payload_types(types)?);
                Instruction::SetPayloadTypes { id: id(*transport)?, payload_types }
            }
            Self::SetExtensions { transport, extensions: known } => {
                Instruction::SetExtensions { id: id(*transport)?, extensions: extensions(known)? }
            }
            Self::SetFeedback { transport, transport_cc, remb, nack } => {
                let feedback = Feedback { transport_cc: *transport_cc, remb: *remb, nack: *nack };
                Instruction::SetFeedback { id: id(*transport)?, feedback }
            }
            Self::AddSource { transport, ssrc, kind, repairs } => Instruction::AddSource {
                id: id(*transport)?,
                ssrc: checks::ssrc(*ssrc)?,
                kind: Kind::parse(kind).ok_or_else(|| {
                    invalid("kind must be \"audio\", \"video\", \"rtx\" or \"fec\"")
                })?,
                repairs: checks::ssrc(*repairs)?,
            },
            Self::RemoveSource { transport, ssrc } => {
                Instruction::RemoveSource { id: id(*transport)?, ssrc: checks::ssrc(*ssrc)? }
            }
            Self::SetEncodings { transport, ssrcs } => {
                Instruction::SetEncodings { id: id(*transport)?, ssrcs: encodings(ssrcs)? }
            }
            Self::SetMuted { transport, ssrc, muted } => Instruction::SetMuted {
                id: id(*transport)?,
                ssrc: checks::ssrc(*ssrc)?,
                muted: *muted,
            },
            Self::RequestKeyframe { transport, ssrc } => {
                Instruction::RequestKeyframe { id: id(*transport)?, ssrc: checks::ssrc(*ssrc)? }
            }
            Self::SetProbing { transport, bps } => Instruction::SetProbing {
                id: id(*transport)?,
                bits_per_second: natural("bps", *bps)?,
            },
            other => other.validate_route(py)?,
        })
    }

    fn validate_route(&self, py: Python<'_>) -> PyResult<Instruction> {
        Ok(match self {
            Self::Subscribe { receiver, sender, ssrc, out_ssrc, out_rtx_ssrc, mid, whole } => {
                Instruction::Subscribe {
                    receiver: id(*receiver)?,
                    sender: id(*sender)?,
                    ssrc: checks::ssrc(*ssrc)?,
                    slot: Slot {
                        ssrc: checks::ssrc(*out_ssrc)?,
                        rtx_ssrc: checks::ssrc(*out_rtx_ssrc)?,
                        mid: Mid::new(mid).ok_or_else(|| invalid("mid is too long"))?,
                        whole: *whole,
                    },
                }
            }
            Self::Unsubscribe { receiver, sender, ssrc } => Instruction::Unsubscribe {
                receiver: id(*receiver)?,
                sender: id(*sender)?,
                ssrc: checks::ssrc(*ssrc)?,
            },
            Self::SetTarget { receiver, sender, ssrc, encoding, temporal, spatial } => {
                Instruction::SetTarget {
                    receiver: id(*receiver)?,
                    sender: id(*sender)?,
                    ssrc: checks::ssrc(*ssrc)?,
                    aim: aim(*encoding, *spatial, *temporal)?,
                }
            }
            other => other.validate_output(py)?,
        })
    }
}

fn payload_types(all: &[(i64, String, i64)]) -> PyResult<PayloadTypes> {
    let mut types = PayloadTypes::default();
    let number = |value: i64| u8::try_from(value).ok().filter(|number| *number < 128);
    for (payload_type, name, apt) in all {
        let payload_type =
            number(*payload_type).ok_or_else(|| invalid("payload type must be 0..127"))?;
        let apt = match *apt {
            -1 => None,
            apt => Some(number(apt).ok_or_else(|| invalid("apt must be -1..127"))?),
        };
        types.set(payload_type, Codec::parse(name), apt);
    }
    Ok(types)
}

fn extensions(all: &[(i64, String)]) -> PyResult<Extensions> {
    let mut extensions = Extensions::default();
    for (id, uri) in all {
        let id = u8::try_from(*id).ok().filter(|id| *id != 0);
        let id = id.ok_or_else(|| invalid("an extension's id must be 1..255"))?;
        if let Some(extension) = Extension::parse(uri) {
            extensions.set(extension, id);
        }
    }
    Ok(extensions)
}

fn encodings(ssrcs: &[i64]) -> PyResult<Vec<u32>> {
    if !(1..=MOST_ENCODINGS).contains(&ssrcs.len()) {
        return Err(invalid(&format!("a picture has 1..{MOST_ENCODINGS} encodings")));
    }
    let mut all: Vec<u32> = Vec::with_capacity(ssrcs.len());
    for ssrc in ssrcs {
        let ssrc = checks::ssrc(*ssrc)?;
        if all.contains(&ssrc) {
            return Err(invalid("an encoding is named twice"));
        }
        all.push(ssrc);
    }
    Ok(all)
}

fn aim(encoding: i64, spatial: i64, temporal: i64) -> PyResult<Aim> {
    let encoding = match encoding {
        -1 => None,
        index => {
            let index = u8::try_from(index).ok().filter(|&at| usize::from(at) < MOST_ENCODINGS);
            Some(index.ok_or_else(|| invalid(&format!("encoding must be -1..{MOST_ENCODINGS}")))?)
        }
    };
    let spatial = layer("spatial", spatial, ALL_SPATIAL)?;
    let temporal = layer("temporal", temporal, ALL_TEMPORAL)?;
    Ok(Aim { encoding, spatial, temporal })
}

fn layer(name: &str, value: i64, most: u8) -> PyResult<u8> {
    let layer = u8::try_from(value).ok().filter(|layer| *layer <= most);
    layer.ok_or_else(|| invalid(&format!("{name} must be 0..{most}")))
}
