//! What a peer's receiver reports say of a stream we send to it.

use crate::rtcp::ReportBlock;

/// The peer's view of one outgoing stream.
#[derive(Clone, Debug, Default)]
pub struct RemoteView {
    pub lost: i32,
    pub fraction_lost: f64,
    /// The round trip: when it was told, and how long it takes.
    trip: Option<(u64, u64)>,
    sent_sr: Option<(u32, u64)>,
}

impl RemoteView {
    /// Remember that a sender report with this NTP time left now.
    pub fn sent_sender_report(&mut self, ntp: u64, now_ns: u64) {
        self.sent_sr = Some(((ntp >> 16) as u32, now_ns));
    }

    /// Take in a report block; the round trip counts only when it echoes the last SR sent.
    pub fn report(&mut self, block: &ReportBlock, now_ns: u64) {
        self.lost = block.lost;
        self.fraction_lost = f64::from(block.fraction_lost) / 256.0;
        let Some((middle, sent_ns)) = self.sent_sr else {
            return;
        };
        if block.last_sr == middle {
            let held_ns = (u128::from(block.delay) * 1_000_000_000 / 65_536) as u64;
            self.trip = Some((now_ns, now_ns.saturating_sub(sent_ns).saturating_sub(held_ns)));
        }
    }

    /// The round trip that was told last: of a stream that pauses it's out of date.
    pub fn rtt_ns<'a>(views: impl Iterator<Item = &'a Self>) -> Option<u64> {
        views.filter_map(|view| view.trip).max().map(|(_, rtt_ns)| rtt_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::RemoteView;
    use crate::rtcp::ReportBlock;

    #[test]
    fn the_round_trip_leaves_out_the_time_the_peer_held_it() {
        let mut view = RemoteView::default();
        view.sent_sender_report(0x0001_2345_6789_0000, 1_000_000_000);
        let mut block = ReportBlock { last_sr: 0x2345_6789, delay: 32_768, ..Default::default() };
        view.report(&block, 1_530_000_000);
        assert_eq!(RemoteView::rtt_ns([&view].into_iter()), Some(30_000_000));
        block.last_sr = 1;
        view.report(&block, 9_000_000_000);
        assert_eq!(RemoteView::rtt_ns([&view].into_iter()), Some(30_000_000));
    }

    #[test]
    fn the_newest_round_trip_counts() {
        let block = ReportBlock { last_sr: 0x2345_6789, ..Default::default() };
        let told = |at_ns, rtt_ns| {
            let mut view = RemoteView::default();
            view.sent_sender_report(0x0001_2345_6789_0000, at_ns - rtt_ns);
            view.report(&block, at_ns);
            view
        };
        let (paused, shown) = (told(1_000_000_000, 300_000_000), told(5_000_000_000, 20_000_000));
        let silent = RemoteView::default();
        assert_eq!(RemoteView::rtt_ns([&paused, &shown, &silent].into_iter()), Some(20_000_000));
    }
}
