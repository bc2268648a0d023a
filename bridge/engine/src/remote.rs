//! What a peer's receiver reports say of a stream we send to it.

use crate::rtcp::ReportBlock;

/// The peer's view of one outgoing stream.
#[derive(Clone, Debug, Default)]
pub struct RemoteView {
    pub lost: i32,
    pub fraction_lost: f64,
    pub rtt_ns: Option<u64>,
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
            self.rtt_ns = Some(now_ns.saturating_sub(sent_ns).saturating_sub(held_ns));
        }
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
        assert_eq!(view.rtt_ns, Some(30_000_000));
        block.last_sr = 1;
        view.report(&block, 9_000_000_000);
        assert_eq!(view.rtt_ns, Some(30_000_000));
    }
}
