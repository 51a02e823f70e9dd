//! The AWS side of Tidemill, held against an emulator of AWS over sockets.
//!
//! `driver` stands in for what AWS does around a function (the Runtime API and the event source mappings, by their
//! documented rules), `proxy` for what goes wrong between a function and AWS. Where the emulator cannot be had, the
//! tests are reported as ignored with the reason; if `TIDEMILL_REQUIRE_ORACLES` is 1, they fail instead.
//! What each file is for, and which page states which rule: tests/README.md.

#![expect(clippy::unwrap_used, reason = "a test says why it fails by where it fails")]
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod bench;
mod bootstrap;
#[path = "../hosts/conformance.rs"]
mod conformance;
mod driver;
mod eat;
mod emulator;
mod faults;
#[path = "../hosts/functions.rs"]
mod functions;
mod ground;
mod host;
mod life;
mod net;
mod ports;
mod probe;
mod proxy;
mod stacks;
mod streams;
mod tally;
mod templates;
#[path = "../../functions/image/tests/venv/mod.rs"]
mod venv;
mod web;
mod worker;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Trial};

use crate::emulator::Emulator;

/// A test that needs the emulator.
type Test = (&'static str, fn(&Arc<Emulator>));

/// A test that needs nothing.
type Plain = (&'static str, fn());

static TOKIO: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Runs a test's futures.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    TOKIO.block_on(future)
}

fn main() -> ExitCode {
    // The process of a function is this binary too.
    if let Some(function) = bootstrap::function() {
        return bootstrap::main(&function);
    }
    // So is that of a worker.
    if let Some(orders) = std::env::var_os(worker::ORDERS) {
        return worker::main(&orders);
    }
    let arguments = Arguments::from_args();
    let required = std::env::var("TIDEMILL_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
    let emulator = if arguments.list { Err("not looked for".to_owned()) } else { Emulator::start() };
    let emulator = emulator.map(Arc::new);
    let tests = [
        &driver::tests()[..],
        life::TESTS,
        stacks::TESTS,
        host::TESTS,
        worker::TESTS,
        streams::TESTS,
        ports::TESTS,
        faults::TESTS,
        net::TESTS,
    ]
    .concat();
    let plain = driver::PLAIN.to_vec();
    let mut trials: Vec<Trial> = plain
        .into_iter()
        .map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        })
        .collect();
    trials.extend(tests.into_iter().map(|(name, test)| match &emulator {
        Ok(emulator) => {
            let emulator = Arc::clone(emulator);
            Trial::test(name, move || {
                test(&emulator);
                Ok(())
            })
        }
        Err(reason) if required => {
            let reason = reason.clone();
            Trial::test(name, move || Err(format!("required, and missing: {reason}").into()))
        }
        Err(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
    }));
    trials.extend(templates::trials(arguments.list, required));
    libtest_mimic::run(&arguments, trials).exit_code()
}
