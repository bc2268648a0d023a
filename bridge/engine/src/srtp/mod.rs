//! SRTP and SRTCP (RFC 3711, RFC 7714): keys, indexes, replay windows. Knows nothing of sockets.

mod cipher;
mod derive;
mod index;
mod profile;
mod replay;
mod session;
#[cfg(test)]
mod tests;
mod wiped;

pub use index::estimate;
pub use profile::Profile;
pub use replay::{Verdict, Window};
pub use session::{BadKey, Keys, Receiver, Refusal, Sender};

/// The most bytes that protection adds to a packet: GCM tag plus the SRTCP index word.
pub const MAX_OVERHEAD: usize = 20;
