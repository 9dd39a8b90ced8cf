//! tmp
use asl_sim::campaign::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let target = asl_sim::target::find(&args[1]).unwrap();
    let seeds: u64 = args[2].parse().unwrap();
    let campaign = Campaign { target: target.clone(), wishes: Default::default(), base_seed: args.get(3).map_or(0, |s| s.parse().unwrap()), seeds, jobs: 1, keep_going: true };
    let watch = Stopwatch::start();
    let summary = run(&campaign, &Progress::default());
    println!("runs {} failed {} in {:?} bug {:?}", summary.runs, summary.failed, watch.elapsed(), summary.bug);
    let mut by: std::collections::BTreeMap<String, (u64, u64)> = Default::default();
    for f in &summary.failures { let e = by.entry(f.signature.clone()).or_insert((0, f.seed)); e.0 += 1; }
    println!("{by:#?}");
    for (n, c) in summary.totals.iter() { print!("{n}={c} "); }
    println!();
    for (i, n) in summary.armed.iter().enumerate() { if *n == 0 { println!("not armed {}", asl_sim::check::INVARIANTS[i].name); } }
    if let Some(f) = summary.failures.first() {
        let caps = capabilities(&target, &campaign.wishes);
        let t = run_seed(&target, f.seed, &campaign.wishes, &caps, true);
        for (i, e) in t.outcome.history.events().iter().enumerate() { println!("{i} {e:?}"); }
        println!("{:#?}", t.verdict.violations);
        println!("{:?} {:?} {:?}", t.scenario.setup, t.scenario.crashes, t.scenario.faults);
        println!("{:?}", t.outcome.decisions.iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>());
    }
}
