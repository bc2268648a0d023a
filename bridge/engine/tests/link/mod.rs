//! A simulated line: a queue with a capacity that changes, delay, jitter and loss; the bridge's
//! estimator on one end, a browser's feedback on the other. No clock but its own.

// Each user takes a part of it.
#![allow(dead_code)]

pub mod picture;

use octoengine::cc::{Acked, Arrivals, Estimate, Estimator, Micros};
use octoengine::rtcp::transport_cc::Feedback;
use octoengine::rtcp::{Builder, Packets};
use std::collections::BTreeMap;

const MS: Micros = 1_000;
pub const SECOND: Micros = 1_000_000;
const PACKET: usize = 1_200;
const FRAME: Micros = SECOND / 30;
const OVERTAKEN_BY: Micros = 30 * MS;
const PADDING_EVERY: Micros = 15 * MS;

/// What the line does to packets.
#[derive(Clone, Debug)]
pub struct Line {
    /// Capacity from a moment on, bits a second.
    pub capacity: Vec<(Micros, f64)>,
    pub delay: Micros,
    pub jitter: Micros,
    /// Chance that a packet is overtaken by those of the next 30 ms.
    pub overtaken: f64,
    pub loss: f64,
    /// Longer waits in the queue lose the packet.
    pub queue: Micros,
}

impl Line {
    /// A line of one capacity, 25 ms each way, without loss.
    pub fn of(bps: f64) -> Self {
        let capacity = vec![(0, bps)];
        Self { capacity, delay: 25 * MS, jitter: 0, overtaken: 0.0, loss: 0.0, queue: 500 * MS }
    }

    /// The capacity at a moment.
    pub fn capacity_at(&self, now: Micros) -> f64 {
        let steps = self.capacity.iter().take_while(|step| step.0 <= now);
        steps.last().map_or(0.0, |step| step.1)
    }
}

/// What there is to send.
#[derive(Clone, Debug)]
pub enum Media {
    /// As much as the estimate allows, times this, up to a rate: an encoder that follows.
    Follows(f64, f64),
    /// The highest of these rates that the estimate allows, and padding towards the next.
    Layers(Vec<f64>),
}

/// One moment of a run.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub now: Micros,
    pub capacity: f64,
    pub estimate: Estimate,
    /// Bits a second that arrived since the sample before.
    pub arrived: f64,
    /// Of it, media.
    pub media: f64,
    pub queued: Micros,
}

struct Flying {
    sequence: u16,
    marker: bool,
    size: usize,
    media: bool,
}

/// The simulation.
pub struct Simulation {
    line: Line,
    media: Media,
    pub estimator: Estimator,
    /// Padding leaves at most this often: a machine may be busy otherwise.
    pub pads_every: Micros,
    arrivals: Arrivals,
    flying: BTreeMap<(Micros, u64), Flying>,
    feedback: BTreeMap<(Micros, u64), Vec<u8>>,
    scratch: Vec<Acked>,
    count: u64,
    free: Micros,
    newest: Micros,
    random: u64,
    arrived: usize,
    media_arrived: usize,
}

impl Simulation {
    /// A line at rest.
    pub fn new(line: Line, media: Media, seed: u64) -> Self {
        Self {
            line,
            media,
            estimator: Estimator::new(0),
            pads_every: MS,
            arrivals: Arrivals::default(),
            flying: BTreeMap::new(),
            feedback: BTreeMap::new(),
            scratch: Vec::new(),
            count: 0,
            free: 0,
            newest: 0,
            random: seed | 1,
            arrived: 0,
            media_arrived: 0,
        }
    }

    /// Run to `end`; a sample every 100 ms.
    pub fn run(&mut self, end: Micros) -> Vec<Sample> {
        let mut samples = Vec::new();
        for now in (MS..=end).step_by(MS as usize) {
            self.deliver(now);
            self.step(now);
            if now % (100 * MS) == 0 {
                samples.push(Sample {
                    now,
                    capacity: self.line.capacity_at(now),
                    estimate: self.estimator.estimate(),
                    arrived: 80.0 * std::mem::take(&mut self.arrived) as f64,
                    media: 80.0 * std::mem::take(&mut self.media_arrived) as f64,
                    queued: (self.free - now).max(0),
                });
            }
        }
        samples
    }

    fn step(&mut self, now: Micros) {
        let estimate = self.estimator.estimate().bps;
        let (rate, padding) = match &self.media {
            Media::Follows(part, most) => ((part * estimate).min(*most), 0.0),
            Media::Layers(layers) => {
                let rate = layers.iter().copied().filter(|rate| *rate <= estimate);
                let rate = rate.fold(layers[0], f64::max);
                let best = layers.iter().copied().fold(0.0, f64::max);
                (rate, (best - rate).min(estimate - rate).max(0.0))
            }
        };
        let wanted = match &self.media {
            Media::Follows(part, most) => part * estimate < *most,
            Media::Layers(_) => padding > 0.0,
        };
        self.estimator.want_more(wanted);
        if now / FRAME != (now - MS) / FRAME {
            self.burst(rate * FRAME as f64 / SECOND as f64 / 8.0, now, true);
        }
        match self.estimator.probe_due(now) {
            Some((0, _)) => {}
            _ if now % self.pads_every != 0 => {}
            Some((bytes, _)) => self.burst(bytes as f64, now, false),
            None if now % PADDING_EVERY == 0 => {
                self.burst(padding * PADDING_EVERY as f64 / SECOND as f64 / 8.0, now, false);
            }
            None => {}
        }
        if now % (20 * MS) == 0 {
            self.estimator.process(now);
            self.tell(now);
        }
    }

    fn burst(&mut self, bytes: f64, now: Micros, media: bool) {
        let mut left = bytes as usize;
        while left > 0 {
            let size = left.clamp(100, PACKET);
            left = left.saturating_sub(size);
            self.send(size, media && left == 0, media, now);
        }
    }

    fn send(&mut self, size: usize, marker: bool, media: bool, now: Micros) {
        let sequence = self.estimator.sent(size, now);
        let capacity = self.line.capacity_at(now).max(1.0);
        let start = self.free.max(now);
        if self.chance() < self.line.loss || start - now > self.line.queue {
            return;
        }
        self.free = start + (8.0 * size as f64 / capacity * SECOND as f64) as Micros;
        let jitter = (self.chance() * self.line.jitter as f64) as Micros;
        // Jitter delays, but what left first arrives first, as on most radio links.
        self.newest = self.newest.max(self.free + self.line.delay + jitter);
        let overtaken = self.line.overtaken > 0.0 && self.chance() < self.line.overtaken;
        let at = self.newest + if overtaken { OVERTAKEN_BY } else { 0 };
        self.count += 1;
        self.flying.insert((at, self.count), Flying { sequence, marker, size, media });
    }

    fn deliver(&mut self, now: Micros) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((at, _), packet) = entry.remove_entry();
            self.arrived += packet.size;
            self.media_arrived += if packet.media { packet.size } else { 0 };
            self.arrivals.packet(packet.sequence, 7, packet.marker, at);
        }
        while let Some(entry) = self.feedback.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let bytes = entry.remove();
            for packet in Packets::new(&bytes).flatten() {
                let feedback = Feedback::parse(&packet).expect("own feedback is sound");
                self.estimator.feedback(&feedback, &mut self.scratch, now);
            }
        }
    }

    fn tell(&mut self, now: Micros) {
        if !self.arrivals.is_due(now) {
            return;
        }
        loop {
            let mut buffer = [0; 1_200];
            let mut builder = Builder::new(&mut buffer);
            if !self.arrivals.tell(&mut builder, 1, now) {
                return;
            }
            let bytes = builder.bytes().to_vec();
            if self.chance() >= self.line.loss {
                self.count += 1;
                self.feedback.insert((now + self.line.delay, self.count), bytes);
            }
        }
    }

    // xorshift64*, 0..1.
    fn chance(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The mean of the estimates of `samples` between two moments.
pub fn mean(samples: &[Sample], from: Micros, to: Micros, of: impl Fn(&Sample) -> f64) -> f64 {
    let chosen = samples.iter().filter(|sample| (from..=to).contains(&sample.now));
    let values: Vec<f64> = chosen.map(of).collect();
    values.iter().sum::<f64>() / values.len() as f64
}
