//! Measures the CPU time of a thread: waiting for other threads on the same processor does not count.

use std::time::Duration;

pub struct Stopwatch(Duration);

impl Stopwatch {
    pub fn start() -> Self {
        Stopwatch(now())
    }

    pub fn elapsed(&self) -> Duration {
        now().saturating_sub(self.0)
    }
}

#[cfg(target_os = "linux")]
fn now() -> Duration {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanos: std::ffi::c_long,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    const THREAD_CPUTIME: i32 = 3;
    let mut time = Timespec { seconds: 0, nanos: 0 };
    // Safety: the call only writes into `time`, whose layout is that of the system's struct on 64-bit Linux.
    unsafe { clock_gettime(THREAD_CPUTIME, &mut time) };
    Duration::new(time.seconds as u64, time.nanos as u32)
}

#[cfg(not(target_os = "linux"))]
fn now() -> Duration {
    static BEGUN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}
