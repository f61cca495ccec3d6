//! Measures which code an input reaches, if the test was built for it (as `make fuzz` does). Inputs that reach something new are kept and
//! mutated further.
//!
//! It reads the counters of `-C instrument-coverage`, which stable Rust supports, inside the process.

#[cfg(fuzz_coverage)]
mod counters {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }

    /// Passes each nonzero counter to `see`, and sets it to zero.
    pub fn each(mut see: impl FnMut(usize, u64)) {
        // Safety: the linker puts all counters between these two addresses. Other threads may count meanwhile, which makes a number wrong
        // but does no other harm: the values are read and written in the same way as by the instrumented code.
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
    /// For each counter, the greatest count of a single run, as a power of two.
    seen: Vec<u8>,
    reached: usize,
}

impl Coverage {
    /// Whether the code that ran since the last call did something that nothing did before.
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
