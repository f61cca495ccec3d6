//! Which code an input reaches, where the test was built to count it (`make fuzz` does): inputs that reach something new are
//! kept, and changed further.
//!
//! These are the counters of `-C instrument-coverage`, which stable Rust has, read in the process.

#[cfg(fuzz_coverage)]
mod counters {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }

    /// Gives each counter to `see`, and sets it to zero.
    pub fn each(mut see: impl FnMut(usize, u64)) {
        // Safety: the linker puts all counters between these two addresses. Other threads may count meanwhile, which makes a
        // number wrong and nothing else: the values are read and written as the instrumented code does it.
        unsafe {
            let begin = __llvm_profile_begin_counters();
            let count = __llvm_profile_end_counters().offset_from(begin) as usize;
            for index in 0..count {
                let counter = begin.add(index);
                let value = counter.read_volatile();
                if value > 0 {
                    see(index, value);
                    counter.write_volatile(0);
                }
            }
        }
    }
}

#[cfg(not(fuzz_coverage))]
mod counters {
    pub fn each(_: impl FnMut(usize, u64)) {}
}

#[derive(Default)]
pub struct Coverage {
    /// How often each counter was passed, as powers of two.
    seen: Vec<u8>,
    reached: usize,
}

impl Coverage {
    /// Whether what ran since this was last asked did something that nothing did before.
    pub fn is_new(&mut self) -> bool {
        let mut is_new = false;
        counters::each(|index, value| {
            if self.seen.len() <= index {
                self.seen.resize(index + 1, 0);
            }
            let magnitude = (64 - value.leading_zeros()).min(8) as u8;
            if self.seen[index] < magnitude {
                self.reached += usize::from(self.seen[index] == 0);
                self.seen[index] = magnitude;
                is_new = true;
            }
        });
        is_new
    }

    pub fn told(&self) -> String {
        match self.reached {
            0 => String::new(),
            reached => format!(", {reached} places reached"),
        }
    }
}
