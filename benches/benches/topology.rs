//! Set-up of eight nodes with a double NAT, each time in a process of its own.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use interop_benches::cell::{self, Built, Job, Links, measure};

fn main() -> ExitCode {
    // A cell must be entered while the process has one thread: before anything else.
    if let Some(code) = cell::become_cell() {
        return code;
    }
    // Every iteration is a process and its namespaces, which the kernel clears away in the background.
    let mut criterion =
        Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).configure_from_args();
    let mut group = criterion.benchmark_group("set-up");
    let jobs = [
        ("lab", "wire", Job::Lab { links: Links::Wire, views: false }),
        ("lab", "veth", Job::Lab { links: Links::Veth, views: false }),
        ("commands", "veth", Job::Commands { parts: false }),
    ];
    for (by, links, job) in jobs {
        group.bench_function(BenchmarkId::new(by, links), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| one(&job)).sum());
        });
    }
    group.finish();
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn one(job: &Job) -> Duration {
    match measure::<Built>(job) {
        Ok((built, _)) => Duration::from_secs_f64(built.total / 1e3),
        Err(error) => panic!("{error}"),
    }
}
