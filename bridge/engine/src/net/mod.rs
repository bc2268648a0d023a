//! The kernel's side: sockets, batches in and out, epoll. Everything unsafe of I/O is in here.

mod address;
mod poller;
mod receive;
mod send;
mod socket;
#[cfg(test)]
mod tests;

pub use address::RawAddress;
pub use poller::{EventFd, Poller, Timer};
pub use receive::{BATCH, Batch};
pub use send::{Failure, Outbox};
pub use socket::UdpSocket;
