//! The `route` stage.
