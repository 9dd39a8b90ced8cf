//! The model of buckets beside real object stores: [`program`]s of requests, [`carry_out`] on either, what the model has [`allowed`], and
//! [`compare`].
//!
//! Not checked: lists that are behind, versions, conditions on the completion of uploads, and what a bucket does when its server fails.

pub mod allowed;
pub mod carry_out;
pub mod cli;
pub mod compare;
pub mod program;
