#!/bin/bash -eu
# Builds the targets as fuzz/options says, and packs the inputs that are kept.
cd "$SRC/asl/fuzz"
source ./options
cargo fuzz build "${BUILD[@]}"
for target in posix posix_on_flush sim sim_on_flush sim_fence posix_image sim_image frame case; do
    cp "target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    zip -q -j "$OUT/${target}_seed_corpus.zip" "../corpus/fuzz/$target"/*
done
