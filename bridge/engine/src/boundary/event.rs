//! Events as Python sees them.

use crate::shared::Notice;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// One thing the engine tells Python.
#[pyclass(frozen, module = "octoengine")]
pub enum Event {
    Stun { socket: u32, address: String, port: u16, data: Py<PyBytes> },
    Dtls { transport: u64, data: Py<PyBytes> },
    Rtcp { transport: u64, data: Py<PyBytes> },
    SendFailed { transport: u64, errno: i32 },
    Bandwidth { transport: u64, bps: u64, loss: f64, rtt_ms: f64 },
    AudioLevels { levels: Vec<(u64, u32, u8, u64)> },
    EncodingActivity { transport: u64, ssrc: u32, active: bool },
    Keyframe { transport: u64, ssrc: u32, width: u16, height: u16 },
}

impl Event {
    /// The event of a notice.
    pub fn new(py: Python<'_>, notice: Notice) -> Self {
        let bytes = |data: Vec<u8>| PyBytes::new(py, &data).unbind();
        match notice {
            Notice::Stun { socket, peer, data } => Self::Stun {
                socket,
                address: peer.ip().to_string(),
                port: peer.port(),
                data: bytes(data),
            },
            Notice::Dtls { transport, data } => Self::Dtls { transport, data: bytes(data) },
            Notice::Rtcp { transport, data } => Self::Rtcp { transport, data: bytes(data) },
            Notice::SendFailed { transport, errno } => Self::SendFailed { transport, errno },
            Notice::Bandwidth { transport, bits_per_second, loss, rtt_ms } => {
                Self::Bandwidth { transport, bps: bits_per_second, loss, rtt_ms }
            }
            Notice::AudioLevels { levels } => Self::AudioLevels { levels },
            Notice::EncodingActivity { transport, ssrc, active } => {
                Self::EncodingActivity { transport, ssrc, active }
            }
            Notice::Keyframe { transport, ssrc, width, height } => {
                Self::Keyframe { transport, ssrc, width, height }
            }
        }
    }
}
