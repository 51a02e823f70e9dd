//! Has the allocator give large blocks back.
//!
//! glibc raises the size from which it maps blocks one by one whenever such a block is freed, up to 32 MB,
//! and keeps smaller ones for each thread. A picture's planes are of that size: 32 pictures of 24 megapixels
//! took 262 MB of an allowed 200. With the size held at 1 MB they took 160, so `--memory` can be kept.

/// Blocks of at least this size are mapped one by one, and unmapped when they are freed.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 1 << 20;

/// Sets it for this process.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the setting has no safe interface")]
pub fn give_large_blocks_back() {
    // SAFETY: `mallopt` takes two integers, may be called at any time and from any thread, and touches
    // nothing but the allocator's own settings (mallopt(3), "MT-Safe init const:mallopt").
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

/// Other allocators are taken as they are.
#[cfg(not(target_env = "gnu"))]
pub fn give_large_blocks_back() {}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    /// Pages of this process that are in memory (proc(5), `statm`).
    fn resident() -> u64 {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn large_blocks_are_given_back() {
        super::give_large_blocks_back();
        // Without the setting, the first round raises the size, and the blocks of the second stay.
        for _ in 0..2 {
            let before = resident();
            let blocks: Vec<Vec<u8>> = (0..20).map(|_| vec![1; 8 << 20]).collect();
            assert!(resident() > before + 30_000, "{} blocks are in memory", blocks.len());
            drop(blocks);
            assert!(resident() < before + 5_000, "they are not given back");
        }
    }
}
