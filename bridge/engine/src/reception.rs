//! What is known of a received stream: RFC 3550 appendix A statistics, gaps, the SR to echo.

use crate::rtcp::ReportBlock;

/// Reception state of one SSRC.
#[derive(Default)]
pub struct Reception {
    pub packets: u64,
    pub bytes: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub last_ns: Option<u64>,
    pub longest_gap_ns: u64,
    /// Received, but not worth reading.
    unread: u64,
    first_index: Option<u64>,
    highest_index: u64,
    jitter: f64,
    last_transit: Option<f64>,
    reported_expected: u64,
    reported_packets: u64,
    last_sr: Option<(u32, u64)>,
    /// Expected packets of earlier sessions, whose indexes don't compare with today's.
    expected_before: u64,
}

impl Reception {
    /// Count an authentic packet of `bytes`; true when it is the newest so far.
    #[inline]
    pub fn packet(
        &mut self,
        index: u64,
        bytes: usize,
        timestamp: u32,
        clock_rate: f64,
        now_ns: u64,
    ) -> bool {
        self.packets += 1;
        self.bytes += bytes as u64;
        if let Some(last) = self.last_ns {
            self.longest_gap_ns = self.longest_gap_ns.max(now_ns.saturating_sub(last));
        }
        self.last_ns = Some(now_ns);
        let newest = self.first_index.is_none() || index > self.highest_index;
        if newest {
            self.highest_index = index;
            self.measure_jitter(timestamp, clock_rate, now_ns);
        } else {
            self.reordered += 1;
        }
        let first = self.first_index.get_or_insert(index);
        *first = (*first).min(index);
        newest
    }

    /// Count a packet that was dropped before it could prove authentic.
    ///
    /// It only keeps silence from looking like loss.
    pub fn unread(&mut self) {
        self.unread += 1;
    }

    // Interarrival jitter, RFC 3550 §6.4.1, in timestamp units.
    fn measure_jitter(&mut self, timestamp: u32, clock_rate: f64, now_ns: u64) {
        let transit = now_ns as f64 / 1e9 * clock_rate - f64::from(timestamp);
        if let Some(last) = self.last_transit {
            let step = (transit - last).abs();
            // A jump (new time base, timestamp wrap) says nothing of jitter.
            if step < 10.0 * clock_rate {
                self.jitter += (step - self.jitter) / 16.0;
            }
        }
        self.last_transit = Some(transit);
    }

    /// The highest index seen.
    pub fn highest(&self) -> Option<u64> {
        self.first_index.map(|_| self.highest_index)
    }

    fn expected(&self) -> u64 {
        let now = self.first_index.map_or(0, |first| self.highest_index - first + 1);
        self.expected_before + now
    }

    /// Indexes start over: the sender has new keys.
    pub fn rekeyed(&mut self) {
        self.expected_before = self.expected();
        self.first_index = None;
        self.last_transit = None;
    }

    /// Packets missing so far.
    pub fn lost(&self) -> i64 {
        self.expected() as i64 - (self.packets + self.unread) as i64
    }

    /// Remember the time of a sender report (middle 32 bits of its NTP time).
    pub fn sender_report(&mut self, middle: u32, now_ns: u64) {
        self.last_sr = Some((middle, now_ns));
    }

    /// The report block of the interval since the last call; `None` before any packet.
    pub fn report(&mut self, ssrc: u32, now_ns: u64) -> Option<ReportBlock> {
        let highest = self.highest()?;
        let expected = self.expected() - self.reported_expected;
        let received = self.packets + self.unread - self.reported_packets;
        self.reported_expected = self.expected();
        self.reported_packets = self.packets + self.unread;
        let lost = expected.saturating_sub(received);
        let fraction = (lost * 256).checked_div(expected).unwrap_or(0).min(255);
        let (last_sr, delay) = self.last_sr.map_or((0, 0), |(middle, at)| {
            let delay = u128::from(now_ns.saturating_sub(at)) * 65_536 / 1_000_000_000;
            (middle, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: highest as u32,
            jitter: self.jitter as u32,
            last_sr,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Reception;

    fn receive(reception: &mut Reception, indexes: &[u64]) {
        for (at, &index) in indexes.iter().enumerate() {
            reception.packet(index, 100, index as u32 * 960, 48_000.0, at as u64 * 20_000_000);
        }
    }

    #[test]
    fn losses_and_reordering_are_told_apart() {
        let mut reception = Reception::default();
        receive(&mut reception, &[10, 11, 14, 13, 20]);
        assert_eq!((reception.lost(), reception.reordered), (6, 1));
    }

    #[test]
    fn the_fraction_covers_the_interval_only() {
        let mut reception = Reception::default();
        receive(&mut reception, &[1, 2, 3, 8]);
        assert_eq!(reception.report(7, 0).unwrap().fraction_lost, 128);
        receive(&mut reception, &[9, 10]);
        let block = reception.report(7, 0).unwrap();
        assert_eq!((block.fraction_lost, block.lost, block.highest), (0, 4, 10));
    }

    #[test]
    fn new_keys_start_the_numbering_over_but_not_the_counts() {
        let mut reception = Reception::default();
        receive(&mut reception, &[70_000, 70_002]);
        reception.rekeyed();
        assert_eq!(reception.highest(), None);
        receive(&mut reception, &[5, 6, 8]);
        assert_eq!((reception.lost(), reception.packets, reception.reordered), (2, 5, 0));
        assert_eq!(reception.report(7, 0).unwrap().lost, 2);
    }

    #[test]
    fn the_delay_since_a_sender_report_is_in_65536ths() {
        let mut reception = Reception::default();
        receive(&mut reception, &[1]);
        reception.sender_report(0x1234, 1_000_000_000);
        let block = reception.report(7, 1_500_000_000).unwrap();
        assert_eq!((block.last_sr, block.delay), (0x1234, 32_768));
    }
}
