//! Runs a target: with its corpus, its seeds and growing inputs, and then with random inputs until the time is up.

use super::alloc::measured;
use super::clock::Stopwatch;
use super::dice::Dice;
use super::growth::{self, Cost, MOST, MOST_SHARED, Shape};
use super::json::{self, Node};
use super::{bytes, coverage};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// How random inputs are made from seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grammar {
    Json,
    Bytes,
}

/// A reader of bytes that somebody else wrote, with the inputs to test it.
pub struct Target {
    pub name: &'static str,
    pub grammar: Grammar,
    /// The reader. It must not panic, whatever its input.
    pub read: fn(&[u8]),
    pub seeds: Vec<Vec<u8>>,
    /// Growing inputs, besides those that are made from the seeds.
    pub shapes: Vec<Shape>,
    /// Do not measure nested inputs. For text that an app writes itself: each nested value is kept with the whole path to it, which is not
    /// linear.
    pub is_flat: bool,
    /// How many bytes the reader may hold: for each byte of input, and in addition.
    pub memory: (usize, usize),
}

impl Target {
    pub fn json(name: &'static str, read: fn(&[u8]), seeds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Target {
            name,
            grammar: Grammar::Json,
            read,
            seeds: seeds.into_iter().map(|seed| seed.into().into_bytes()).collect(),
            shapes: Vec::new(),
            is_flat: false,
            memory: (100, 1 << 18),
        }
    }

    pub fn bytes(name: &'static str, read: fn(&[u8]), seeds: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Target {
            grammar: Grammar::Bytes,
            seeds: seeds.into_iter().collect(),
            ..Target::json(name, read, [""; 0])
        }
    }

    pub fn grows(mut self, shapes: impl IntoIterator<Item = Shape>) -> Self {
        self.shapes.extend(shapes);
        self
    }
}

/// Only one measurement runs at a time, since two at once would disturb each other.
static MEASURING: Mutex<()> = Mutex::new(());

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Suppresses panic messages of this thread: while a failing input is made smaller, it fails again and again.
fn quietly() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                tell(info);
            }
        }));
    });
    IS_QUIET.set(true);
}

fn corpus_folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

/// Fuzzes a target for `FUZZ_SECONDS` seconds. Without this variable, all targets together take about a minute.
pub fn run(target: Target) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let is_long = seconds.is_some();
    let time = Duration::from_secs_f64(seconds.unwrap_or(1.2));
    let mut runner = Runner {
        pool: Vec::new(),
        executions: 0,
        slowest: 0.0,
        peak: 0.0,
        coverage: coverage::Coverage::default(),
        dice: Dice::new(setting("FUZZ_SEED", 1)),
        target,
    };
    let stored: Vec<Vec<u8>> = std::fs::read_dir(corpus_folder(runner.target.name))
        .into_iter()
        .flatten()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    for input in runner.target.seeds.clone().into_iter().chain(stored) {
        runner.execute(&input);
        runner.pool.push(input);
    }
    let costs = runner.grow(if is_long { None } else { Some(time / 2) });
    let end = Instant::now() + if is_long { time } else { time / 2 };
    while Instant::now() < end {
        let input = runner.invent();
        if runner.execute(&input) {
            runner.pool.push(input);
        }
    }
    runner.tell(&costs);
}

struct Runner {
    target: Target,
    pool: Vec<Vec<u8>>,
    executions: u64,
    slowest: f64,
    peak: f64,
    coverage: coverage::Coverage,
    dice: Dice,
}

impl Runner {
    /// Runs the reader on an input, and checks its time and memory. Returns true if it did something that no input before did.
    fn execute(&mut self, input: &[u8]) -> bool {
        self.executions += 1;
        let read = self.target.read;
        let begun = Stopwatch::start();
        let mut memory = Default::default();
        let result = catch_unwind(AssertUnwindSafe(|| memory = measured(|| read(input))));
        if result.is_err() {
            self.fail(input, "panics", |input| catch_unwind(AssertUnwindSafe(|| read(input))).is_err());
        }
        self.check_time(input, begun.elapsed());
        let (factor, constant) = self.target.memory;
        let allowed = |input: &[u8]| factor * input.len() + constant;
        if memory.peak > allowed(input) {
            let what = format!("holds {} bytes for an input of {}", memory.peak, input.len());
            self.fail(input, &what, |input| measured(|| read(input)).peak > allowed(input));
        }
        self.peak = self.peak.max(memory.peak as f64 / input.len().max(4096) as f64);
        self.coverage.is_new()
    }

    /// Fails if the reader took longer than any linear work on so few bytes can take.
    fn check_time(&mut self, input: &[u8], taken: Duration) {
        let allowed = |input: &[u8]| Duration::from_millis(40) + Duration::from_micros(5) * input.len() as u32;
        let nanos = taken.as_nanos() as f64 / input.len().max(4096) as f64;
        self.slowest = self.slowest.max(nanos);
        let read = self.target.read;
        let is_slow = |input: &[u8]| {
            let begun = Stopwatch::start();
            read(input);
            begun.elapsed() > allowed(input)
        };
        if taken > allowed(input) && (0..3).all(|_| is_slow(input)) {
            self.fail(input, &format!("takes {taken:?} for {} bytes", input.len()), is_slow);
        }
    }

    /// Stores the failing input in the corpus, made as small as possible within ten seconds, and panics.
    fn fail(&self, input: &[u8], what: &str, fails: impl Fn(&[u8]) -> bool) -> ! {
        quietly();
        let mut least = input.to_vec();
        let end = Instant::now() + Duration::from_secs(10);
        let mut step = least.len() / 2;
        while step > 0 && Instant::now() < end {
            let mut at = 0;
            while at < least.len() && Instant::now() < end {
                let mut shorter = least.clone();
                shorter.drain(at..(at + step).min(shorter.len()));
                if fails(&shorter) {
                    least = shorter;
                } else {
                    at += step;
                }
            }
            step /= 2;
        }
        let folder = corpus_folder(self.target.name);
        let hash = least
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
        let path = folder.join(format!("{hash:016x}"));
        IS_QUIET.set(false);
        let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, &least));
        panic!(
            "{} {what}; kept as {} ({kept:?}): {:?}",
            self.target.name,
            path.display(),
            String::from_utf8_lossy(&least[..least.len().min(400)])
        );
    }

    fn invent(&mut self) -> Vec<u8> {
        let (at, from) = (self.dice.below(self.pool.len()), self.dice.below(self.pool.len()));
        let times = self.dice.count(8);
        if self.target.grammar == Grammar::Json && !self.dice.permille(150) {
            let tree = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(json::parse);
            if let Some(mut root) = tree(&self.pool[at]) {
                let donor = tree(&self.pool[from]).unwrap_or(Node::Scalar("null".into()));
                for _ in 0..times {
                    // A tree that has grown large is not mutated further.
                    if root.size() < 20_000 {
                        json::mutate(&mut root, &donor, &mut self.dice);
                    }
                }
                return root.text().into_bytes();
            }
        }
        let mut input = self.pool[at].clone();
        for _ in 0..times {
            bytes::mutate(&mut input, &self.pool[from], &mut self.dice);
        }
        input.truncate(1 << 18);
        input
    }

    /// Measures the cost of each shape. `time`: measure shapes in random order for so long; `None` measures all.
    fn grow(&mut self, time: Option<Duration>) -> Vec<Cost> {
        let mut shapes = std::mem::take(&mut self.target.shapes);
        if self.target.grammar == Grammar::Json {
            for seed in &self.target.seeds {
                shapes.extend(std::str::from_utf8(seed).map(growth::of_json).unwrap_or_default());
            }
        }
        if self.target.is_flat {
            shapes.retain(|shape| !shape.name.contains("within"));
        }
        let longest = if time.is_some() { 1 << 16 } else { 1 << 18 };
        let end = time.map(|time| Instant::now() + time);
        let mut costs: Vec<Cost> = Vec::new();
        while !shapes.is_empty() && end.is_none_or(|end| Instant::now() < end) {
            let shape = shapes.swap_remove(self.dice.below(shapes.len()));
            let measured = {
                let _alone = MEASURING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                catch_unwind(AssertUnwindSafe(|| growth::measure(self.target.read, &shape, longest)))
            };
            let Ok(cost) = measured else {
                panic!("{} panics at {}", self.target.name, shape.name)
            };
            self.executions += 3;
            let most_time = if time.is_some() { MOST_SHARED } else { MOST };
            if cost.time > most_time || cost.allocated > MOST || cost.peak > (self.target.memory.0 + 4) as f64 {
                if std::env::var_os("FUZZ_SURVEY").is_some() {
                    println!(
                        "  !! {}: time {:.2} allocated {:.2} peak {:.0} {:.0} ns/byte: {}",
                        self.target.name, cost.time, cost.allocated, cost.peak, cost.nanos_per_byte, cost.shape
                    );
                } else {
                    panic!("{} costs more than it should: {cost:?}", self.target.name);
                }
            }
            costs.push(cost);
        }
        costs
    }

    fn tell(&self, costs: &[Cost]) {
        let most = |of: fn(&Cost) -> f64| costs.iter().max_by(|one, other| of(one).total_cmp(&of(other))).cloned().unwrap_or_default();
        let (time, allocated, peak) = (most(|cost| cost.time), most(|cost| cost.allocated), most(|cost| cost.peak));
        let nanos = most(|cost| cost.nanos_per_byte);
        println!(
            "{:24} {:>10} executions, {:>4} shapes: time n^{:.2}, allocated n^{:.2}, {:.0} bytes and {:.0} ns a byte; {} inputs in the pool{}  [{}]",
            self.target.name,
            self.executions,
            costs.len(),
            time.time,
            allocated.allocated,
            peak.peak.max(self.peak),
            nanos.nanos_per_byte.max(self.slowest),
            self.pool.len(),
            self.coverage.told(),
            time.shape,
        );
    }
}
