//! The whole worker: datagrams of three peers who hold keys, commands, and the clock.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octoengine::Fuzzed;
use std::cell::RefCell;

thread_local! {
    static FUZZED: RefCell<Fuzzed> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    FUZZED.with_borrow_mut(|fuzzed| fuzzed.run(data));
});
