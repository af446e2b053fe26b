//! task-group
