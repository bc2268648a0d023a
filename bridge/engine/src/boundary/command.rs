//! Commands as Python makes them, and their validation.

use super::checks::{self, bytes, credential, id, invalid, keys, natural, path};
use crate::instruction::Instruction;
use crate::stream::plan::LONGEST_PAYLOAD;
use crate::stream::{MIN_PAYLOAD, Shape};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

/// Longest raw datagram Python may send.
const LONGEST_DATAGRAM: usize = 9_000;
/// Longest plain RTCP compound: with protection it still fits a frame.
const LONGEST_RTCP: usize = 1_400;
const FASTEST: f64 = 500.0;
/// What keyframes tell where no size was given.
const USUAL_SIZE: (u16, u16) = (1280, 720);
/// VP8 tells sizes in 14 bits.
const LARGEST_SIZE: i64 = 0x3fff;

/// One instruction to the engine; see the stub file for what each does.
#[pyclass(frozen, module = "octoengine")]
pub enum Command {
    #[pyo3(constructor = (transport, group, mesh = 0, sink = false, rtcp_ssrc = 0))]
    AddTransport {
        transport: i64,
        group: i64,
        mesh: i64,
        sink: bool,
        rtcp_ssrc: i64,
    },
    RemoveTransport {
        transport: i64,
    },
    SetIce {
        transport: i64,
        local_ufrag: String,
        local_pwd: String,
    },
    BindAddress {
        transport: i64,
        socket: i64,
        address: String,
        port: i64,
    },
    SelectAddress {
        transport: i64,
        socket: i64,
        address: String,
        port: i64,
    },
    SetKeys {
        transport: i64,
        profile: String,
        receive: Py<PyBytes>,
        send: Py<PyBytes>,
    },
    SetPayloadTypes {
        transport: i64,
        payload_types: Vec<(i64, String, i64)>,
    },
    SetExtensions {
        transport: i64,
        extensions: Vec<(i64, String)>,
    },
    SetFeedback {
        transport: i64,
        transport_cc: bool,
        remb: bool,
        nack: bool,
    },
    #[pyo3(constructor = (transport, ssrc, kind, repairs = 0))]
    AddSource {
        transport: i64,
        ssrc: i64,
        kind: String,
        repairs: i64,
    },
    SetEncodings {
        transport: i64,
        ssrcs: Vec<i64>,
    },
    RemoveSource {
        transport: i64,
        ssrc: i64,
    },
    #[pyo3(constructor = (
        receiver, sender, ssrc, out_ssrc = 0, out_rtx_ssrc = 0, mid = String::new(), whole = false
    ))]
    Subscribe {
        receiver: i64,
        sender: i64,
        ssrc: i64,
        out_ssrc: i64,
        out_rtx_ssrc: i64,
        mid: String,
        whole: bool,
    },
    #[pyo3(constructor = (receiver, sender, ssrc, encoding, temporal, spatial = 2))]
    SetTarget {
        receiver: i64,
        sender: i64,
        ssrc: i64,
        encoding: i64,
        temporal: i64,
        spatial: i64,
    },
    RequestKeyframe {
        transport: i64,
        ssrc: i64,
    },
    SetProbing {
        transport: i64,
        bps: i64,
    },
    Unsubscribe {
        receiver: i64,
        sender: i64,
        ssrc: i64,
    },
    SetMuted {
        transport: i64,
        ssrc: i64,
        muted: bool,
    },
    SendDatagram {
        socket: i64,
        address: String,
        port: i64,
        data: Py<PyBytes>,
    },
    SendData {
        transport: i64,
        data: Py<PyBytes>,
    },
    SendRtcp {
        transport: i64,
        data: Py<PyBytes>,
    },
    #[pyo3(constructor = (
        transport, ssrc, kind, payload_type, payload_bytes,
        packets_per_second = 50.0, frames_per_second = 0.0, bitrate_bps = 0,
        rtx_ssrc = 0, rtx_payload_type = 0, temporal_layers = 1, width = 0, height = 0
    ))]
    StartStream {
        transport: i64,
        ssrc: i64,
        kind: String,
        payload_type: i64,
        payload_bytes: i64,
        packets_per_second: f64,
        frames_per_second: f64,
        bitrate_bps: i64,
        rtx_ssrc: i64,
        rtx_payload_type: i64,
        temporal_layers: i64,
        width: i64,
        height: i64,
    },
    StopStream {
        transport: i64,
        ssrc: i64,
    },
}

impl Command {
    /// The validated instruction, or ValueError.
    pub fn validate(&self, py: Python<'_>) -> PyResult<Instruction> {
        Ok(match self {
            Self::AddTransport { transport, group, mesh, sink, rtcp_ssrc } => {
                Instruction::AddTransport {
                    id: id(*transport)?,
                    group: natural("group", *group)?,
                    mesh: natural("mesh", *mesh)?,
                    sink: *sink,
                    rtcp_ssrc: checks::ssrc(*rtcp_ssrc)?,
                }
            }
            Self::RemoveTransport { transport } => {
                Instruction::RemoveTransport { id: id(*transport)? }
            }
            Self::SetIce { transport, local_ufrag, local_pwd } => Instruction::SetIce {
                id: id(*transport)?,
                ufrag: credential("local_ufrag", local_ufrag)?.to_owned(),
                password: Zeroizing::new(credential("local_pwd", local_pwd)?.to_owned()),
            },
            Self::BindAddress { transport, socket, address, port } => {
                Instruction::Bind { id: id(*transport)?, path: path(*socket, address, *port)? }
            }
            Self::SelectAddress { transport, socket, address, port } => {
                Instruction::Select { id: id(*transport)?, path: path(*socket, address, *port)? }
            }
            Self::SetKeys { transport, profile, receive, send } => Instruction::SetKeys {
                id: id(*transport)?,
                keys: Box::new(keys(profile, receive.as_bytes(py), send.as_bytes(py))?),
            },
            other => other.validate_media(py)?,
        })
    }

    pub(super) fn validate_output(&self, py: Python<'_>) -> PyResult<Instruction> {
        Ok(match self {
            Self::SendDatagram { socket, address, port, data } => Instruction::SendDatagram {
                path: path(*socket, address, *port)?,
                data: bytes(data.as_bytes(py), 1, LONGEST_DATAGRAM)?,
            },
            Self::SendData { transport, data } => Instruction::SendData {
                id: id(*transport)?,
                data: bytes(data.as_bytes(py), 1, LONGEST_DATAGRAM)?,
            },
            Self::SendRtcp { transport, data } => Instruction::SendRtcp {
                id: id(*transport)?,
                data: bytes(data.as_bytes(py), 8, LONGEST_RTCP)?,
            },
            Self::StartStream { transport, ssrc, .. } => Instruction::StartStream {
                id: id(*transport)?,
                ssrc: checks::ssrc(*ssrc)?,
                shape: self.shape()?,
            },
            Self::StopStream { transport, ssrc } => {
                Instruction::StopStream { id: id(*transport)?, ssrc: checks::ssrc(*ssrc)? }
            }
            // `validate` and `validate_media` took all the others.
            _ => return Err(invalid("unknown command")),
        })
    }

    fn shape(&self) -> PyResult<Shape> {
        let Self::StartStream {
            kind,
            payload_type: payload_type_number,
            payload_bytes,
            packets_per_second,
            frames_per_second,
            bitrate_bps,
            rtx_ssrc,
            rtx_payload_type,
            temporal_layers,
            width,
            height,
            ..
        } = self
        else {
            return Err(invalid("not a stream"));
        };
        let temporal_layers = u8::try_from(*temporal_layers).ok().filter(|n| (1..=3).contains(n));
        let temporal_layers =
            temporal_layers.ok_or_else(|| invalid("temporal_layers must be 1..3"))?;
        if !(MIN_PAYLOAD as i64..=LONGEST_PAYLOAD as i64).contains(payload_bytes) {
            return Err(invalid(&format!(
                "payload_bytes must be {MIN_PAYLOAD}..{LONGEST_PAYLOAD}"
            )));
        }
        let video = match kind.as_str() {
            "audio" => false,
            "video" => true,
            _ => return Err(invalid("kind must be \"audio\" or \"video\"")),
        };
        let rate = if video { *frames_per_second } else { *packets_per_second };
        if !(0.1..=FASTEST).contains(&rate) {
            return Err(invalid("a stream's rate must be 0.1..500 a second"));
        }
        if video && !(1_000..=100_000_000).contains(bitrate_bps) {
            return Err(invalid("bitrate_bps must be 1,000..100,000,000"));
        }
        let frame_bytes =
            if video { (*bitrate_bps as f64 / 8.0 / rate) as u64 } else { *payload_bytes as u64 };
        Ok(Shape {
            video,
            payload_type: payload_type(*payload_type_number)?,
            payload_bytes: *payload_bytes as usize,
            interval_ns: (1e9 / rate) as u64,
            frame_bytes,
            temporal_layers,
            size: (dimension(*width, USUAL_SIZE.0)?, dimension(*height, USUAL_SIZE.1)?),
            rtx_ssrc: checks::ssrc(*rtx_ssrc)?,
            rtx_payload_type: payload_type(*rtx_payload_type)?,
        })
    }
}

fn payload_type(number: i64) -> PyResult<u8> {
    let number = u8::try_from(number).ok().filter(|number| *number < 128);
    number.ok_or_else(|| invalid("payload types must be 0..127"))
}

fn dimension(pixels: i64, usual: u16) -> PyResult<u16> {
    match pixels {
        0 => Ok(usual),
        1..=LARGEST_SIZE => Ok(pixels as u16),
        _ => Err(invalid("width and height must be 0..16383")),
    }
}
