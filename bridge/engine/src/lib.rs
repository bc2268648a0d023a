//! Octofleet's media engine: UDP in batches, SRTP, RTP forwarding.
//!
//! `boundary` is all that Python sees; `worker` is the thread; the rest is pure of both.

// Without the boundary nothing starts the worker: tests and benchmark use the parts below it.
#![cfg_attr(not(feature = "python"), allow(dead_code))]

mod backlog;
#[cfg(feature = "python")]
mod boundary;
mod bucket;
mod cache;
pub mod cc;
pub mod clock;
pub mod congestion;
pub mod counter;
mod delays;
mod downtrack;
mod egress;
mod encoding;
mod history;
pub mod instruction;
mod limits;
mod mark;
mod missing;
pub mod net;
mod pacing;
mod picture;
mod pictures;
mod prefetch;
pub mod projection;
mod rate;
mod reception;
mod remote;
mod report;
pub mod rtcp;
pub mod rtp;
mod shared;
mod silence;
mod sink;
mod source;
pub mod srtp;
mod stream;
pub mod stun;
mod table;
mod transport;
mod worker;

#[cfg(feature = "python")]
pub use boundary::_native;
#[cfg(feature = "fuzzing")]
pub use worker::fuzzing::Fuzzed;
