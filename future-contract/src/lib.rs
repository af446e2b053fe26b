//! future-contract
