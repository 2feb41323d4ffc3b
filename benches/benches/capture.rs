//! The witness, frame by frame: capture, dissection, table of flows.

#![forbid(unsafe_code)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interop_benches::micro;

fn capture(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the capture");
    let subjects = micro::capture(&folder).expect("a capture");
    let mut group = criterion.benchmark_group("capture");
    group.throughput(Throughput::Elements(1));
    for mut subject in subjects {
        group.bench_function(subject.name, |bencher| bencher.iter(|| subject.once()));
    }
    group.finish();
}

criterion_group!(benches, capture);
criterion_main!(benches);
