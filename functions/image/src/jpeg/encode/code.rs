//! Huffman codes made for what they are to write (T.81, K.2).

/// How often each symbol occurs. The last entry is no symbol: it keeps the code of ones free.
pub(super) type Counts = [u32; 257];

/// A Huffman code made for its symbols.
pub(super) struct Code {
    /// Codes of each length, from 1 bit on.
    pub(super) counts: [u8; 16],
    pub(super) symbols: Vec<u8>,
    /// `length << 16 | code` of each symbol.
    pub(super) codes: [u32; 256],
}

impl Code {
    /// T.81, K.2: no code longer than 16 bits, none of ones alone.
    pub(super) fn new(frequencies: &Counts) -> Self {
        let mut frequencies = frequencies.map(u64::from);
        frequencies[256] = 1;
        let mut sizes = [0usize; 257];
        let mut next = [None::<usize>; 257];
        let mut trees: Vec<usize> = (0..257).filter(|i| frequencies[*i] > 0).collect();
        while trees.len() > 1 {
            // The last of equals, as the standard has it.
            let least =
                |trees: &[usize]| (0..trees.len()).min_by_key(|i| (frequencies[trees[*i]], 256 - trees[*i]));
            let Some(at) = least(&trees) else { break };
            let a = trees.remove(at);
            let Some(at) = least(&trees) else { break };
            let b = trees.remove(at);
            frequencies[a] += frequencies[b];
            trees.push(a);
            let mut end = a;
            sizes[end] += 1;
            while let Some(following) = next[end] {
                end = following;
                sizes[end] += 1;
            }
            next[end] = Some(b);
            let mut end = b;
            sizes[end] += 1;
            while let Some(following) = next[end] {
                end = following;
                sizes[end] += 1;
            }
        }
        let mut bits = [0u32; 258];
        for size in sizes.iter().filter(|size| **size > 0) {
            bits[*size] += 1;
        }
        for i in (17..258).rev() {
            while bits[i] > 0 {
                let mut j = i - 2;
                while bits[j] == 0 {
                    j -= 1;
                }
                bits[i] -= 2;
                bits[i - 1] += 1;
                bits[j + 1] += 2;
                bits[j] -= 1;
            }
        }
        // The reserved symbol has the longest code.
        if let Some(longest) = (1..=16).rev().find(|i| bits[*i] > 0) {
            bits[longest] -= 1;
        }
        let mut symbols: Vec<u8> = (0..=255u8).filter(|symbol| sizes[usize::from(*symbol)] > 0).collect();
        symbols.sort_by_key(|symbol| sizes[usize::from(*symbol)]);
        let counts = std::array::from_fn(|i| bits[i + 1] as u8);
        let mut codes = [0; 256];
        let (mut code, mut index) = (0u32, 0);
        for length in 1..=16u32 {
            for _ in 0..bits[length as usize] {
                if let Some(symbol) = symbols.get(index) {
                    codes[usize::from(*symbol)] = length << 16 | code;
                }
                code += 1;
                index += 1;
            }
            code <<= 1;
        }
        Self { counts, symbols, codes }
    }
}
