//! Which packet of a batch goes to whom, grouped by receiver so that runs can share a system call.

use crate::projection::{Input, SenderTime};
use crate::rtp::extension::Values;
use crate::rtp::{Facts, Header};

/// A packet of the batch, decrypted.
#[derive(Clone, Copy)]
pub struct Arrived {
    /// Its datagram's place in the batch, where in it the packet begins, and its plain length.
    pub at: usize,
    pub start: usize,
    pub len: usize,
    pub header: Header,
    pub index: u64,
    /// The session in which `index` counts.
    pub epoch: u32,
    /// Its encoding's place in the picture.
    pub place: u8,
    pub facts: Facts,
    pub values: Values,
    /// Packets of its source that were dropped so far.
    pub left_out: u32,
    pub sender_time: Option<SenderTime>,
}

impl Arrived {
    /// What a projection needs to know.
    #[inline]
    pub fn input(&self) -> Input<'_> {
        Input {
            ssrc: self.header.ssrc,
            encoding: self.place,
            epoch: self.epoch,
            index: self.index,
            timestamp: self.header.timestamp,
            facts: &self.facts,
            left_out: self.left_out,
            sender_time: self.sender_time,
        }
    }
}

/// One copy to be made.
#[derive(Clone, Copy)]
pub struct Copy {
    /// Place in `Fanout::arrived`.
    pub packet: usize,
    /// Downtrack of the receiver.
    pub downtrack: usize,
}

/// The copies to be made of one batch.
#[derive(Default)]
pub struct Fanout {
    pub arrived: Vec<Arrived>,
    queues: Vec<Vec<Copy>>,
    receivers: Vec<usize>,
}

impl Fanout {
    /// Note a copy of the packet noted last.
    #[inline]
    pub fn push(&mut self, receiver: usize, downtrack: usize) {
        if receiver >= self.queues.len() {
            self.queues.resize_with(receiver + 1, Vec::new);
        }
        let queue = &mut self.queues[receiver];
        if queue.is_empty() {
            self.receivers.push(receiver);
        }
        queue.push(Copy { packet: self.arrived.len() - 1, downtrack });
    }

    /// Take one receiver and its copies; give the emptied queue back with `put_back`.
    pub fn pop(&mut self) -> Option<(usize, Vec<Copy>)> {
        let receiver = self.receivers.pop()?;
        Some((receiver, std::mem::take(&mut self.queues[receiver])))
    }

    /// The receiver that comes after so many others, and its first downtrack.
    pub fn ahead(&self, others: usize) -> Option<(usize, usize)> {
        let at = self.receivers.len().checked_sub(1 + others)?;
        let receiver = self.receivers[at];
        Some((receiver, self.queues[receiver].first()?.downtrack))
    }

    /// Keep the queue's memory for the next batch.
    pub fn put_back(&mut self, receiver: usize, mut queue: Vec<Copy>) {
        queue.clear();
        self.queues[receiver] = queue;
    }
}
