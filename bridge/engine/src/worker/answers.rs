//! Statistics that Python asked for.

use super::Worker;
use crate::clock;
use crate::counter::Counter;
use crate::instruction::TransportId;
use crate::report::{DowntrackReport, Snapshot, SourceReport, TransportReport};
use crate::transport::Transport;

impl Worker {
    pub(super) fn transport_reports(&self, ids: &[TransportId]) -> Vec<TransportReport> {
        let chosen = self.chosen(ids);
        chosen.map(|transport| transport.report(self.now_ns)).collect()
    }

    pub(super) fn source_reports(&self, ids: &[TransportId]) -> Vec<SourceReport> {
        let report = |transport: &Transport| {
            let sources = transport.sources.iter();
            let reports =
                sources.map(|(ssrc, source)| source.report(transport.id, *ssrc, self.now_ns));
            reports.collect::<Vec<_>>()
        };
        self.chosen(ids).flat_map(report).collect()
    }

    pub(super) fn downtrack_reports(&self, ids: &[TransportId]) -> Vec<DowntrackReport> {
        let sender = |slot: usize| self.table.transports.get(slot).map_or(0, |sender| sender.id);
        let report = |transport: &Transport| {
            let downtracks = transport.downtracks.iter();
            let reports = downtracks.map(|(_, downtrack)| {
                downtrack.report(transport.id, sender(downtrack.sender), self.now_ns)
            });
            reports.collect::<Vec<_>>()
        };
        self.chosen(ids).flat_map(report).collect()
    }

    fn chosen<'a>(
        &'a self,
        ids: &'a [TransportId],
    ) -> Box<dyn Iterator<Item = &'a Transport> + 'a> {
        if ids.is_empty() {
            return Box::new(self.table.transports.iter().map(|(_, transport)| transport));
        }
        let slots = ids.iter().filter_map(|id| self.table.slot(*id));
        Box::new(slots.map(|slot| &self.table.transports[slot]))
    }

    /// Engine-wide numbers.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut ledger = self.ledger.clone();
        let mut socket_fill = 0.0f64;
        for socket in self.sockets.values() {
            let (fill, drops) = socket.pressure();
            socket_fill = socket_fill.max(fill).max(socket.backlog.fill(self.now_ns));
            ledger.add(Counter::DroppedByKernel, drops);
        }
        let thread_cpu_ns = clock::thread_cpu_ns();
        let uptime_ns = self.now_ns - self.started_ns;
        Snapshot { ledger, thread_cpu_ns, uptime_ns, socket_fill }
    }
}
