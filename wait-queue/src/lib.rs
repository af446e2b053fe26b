//! wait-queue
