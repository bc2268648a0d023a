//! The trailer of every synthetic payload: kind and send time, so that sinks can measure delay.

/// Length of the trailer, bytes.
pub const LEN: usize = 16;
const MAGIC: [u8; 4] = *b"octo";

/// What a trailer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub video: bool,
    /// CLOCK_MONOTONIC when the packet was first due.
    pub sent_ns: u64,
}

impl Mark {
    /// Write the trailer over the end of `payload`, which must be long enough.
    pub fn write(self, payload: &mut [u8]) {
        let at = payload.len() - LEN;
        payload[at..at + 4].copy_from_slice(&MAGIC);
        payload[at + 4..at + 8].copy_from_slice(&[u8::from(self.video), 0, 0, 0]);
        payload[at + 8..].copy_from_slice(&self.sent_ns.to_be_bytes());
    }

    /// Read the trailer of `payload`; `None` for payloads of others.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let trailer: &[u8; LEN] = payload.last_chunk()?;
        if trailer[..4] != MAGIC {
            return None;
        }
        let sent_ns = u64::from_be_bytes(*trailer.last_chunk()?);
        Some(Self { video: trailer[4] == 1, sent_ns })
    }
}
