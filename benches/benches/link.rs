//! The link model, frame by frame.

#![forbid(unsafe_code)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interop_benches::micro;

fn link(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Elements(1));
    for mut subject in micro::link() {
        group.bench_function(subject.name, |bencher| bencher.iter(|| subject.once()));
    }
    group.finish();
}

criterion_group!(benches, link);
criterion_main!(benches);
