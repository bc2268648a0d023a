//! Every RTP packet that leaves to one peer: its transport-wide number, and its time.

/// What is known of the packets sent to a peer.
#[derive(Debug, Default)]
pub struct Departures {
    next: u16,
}

impl Departures {
    /// A packet of `size` bytes leaves now; return its transport-wide sequence number.
    ///
    /// Called for media, repairs, padding and synthetic streams alike, once a packet, in the order
    /// they leave, where the peer negotiated the extension.
    #[inline]
    pub fn packet(&mut self, _size: usize, _now_ns: u64) -> u16 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }
}
