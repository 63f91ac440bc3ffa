//! The `comply` stage.
