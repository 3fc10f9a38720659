#!/usr/bin/env bash
# The experiments behind the documentation's article "Small and biased batches", each a call of `renorm compare`.
# Results are in Experiments/NAME.csv; runs that are in runs/NAME already are not made again.
#
#   make build data digits && Experiments/run.sh            lists them
#   Experiments/run.sh paper                                makes one
#   SEEDS=2 THREADS=1 Experiments/run.sh paper              with other seeds or threads
#
# Variants, constants and the hand-tuned grid are chosen on 10,000 held-out training images (choose-*); the others look at
# the test images. README.md says where a test result made a variant be sought.
set -euo pipefail
cd "$(dirname "$0")/.."
RENORM=${RENORM:-.build/release/renorm}

ONE=(--setting "one label × 8: label-blocks:1x8 examples=8")
TWO=(--setting "two labels × 8: label-blocks:2x8 examples=16")
PAIRS=(--setting "groups of 2: shuffled examples=2")
FOURS=(--setting "groups of 4: shuffled examples=4")
SORTED=(--setting "sorted, 8: sorted-batches examples=8")
IID=(--setting "iid 32: shuffled" --setting "iid 64: shuffled batch=64")
GROUPED=("${ONE[@]}" "${TWO[@]}" "${PAIRS[@]}" "${FOURS[@]}" "${SORTED[@]}")
ALL=("${GROUPED[@]}" "${IID[@]}")

BN=(--norm "BN: batch")
AUTO=(--norm "BRN: batch-renorm")
SETTLED=(--norm "GN: group:8" --norm "LN: layer" --norm "IN: instance")

# The paper's form: an averaging rate, a ramp that ends early or late in the run, limits 3 and 5 or 1.5 and 0.5.
GRID=()
for rate in 0.01 0.05 0.1 0.3 0.3/group; do
    for ramp in 0.05:0.4 0.3:0.8; do
        for limits in 3:5 1.5:0.5; do
            GRID+=(--norm "$rate $ramp $limits: batch-renorm rate=$rate limits=ramp:$ramp:$limits")
        done
    done
done
# A group a batch: a rate a group is the rate.
GRID_OF_ONE=()
for norm in "${GRID[@]}"; do
    case $norm in *group*) GRID_OF_ONE=("${GRID_OF_ONE[@]:0:${#GRID_OF_ONE[@]}-1}") ;; *) GRID_OF_ONE+=("$norm") ;; esac
done

compare() {
    local name=$1 seeds=${SEEDS:-$2}
    shift 2
    "$RENORM" compare --run "runs/$name" --seeds "$seeds" ${THREADS:+--threads "$THREADS"} "$@"
    cp "runs/$name/results.csv" "Experiments/$name.csv"
}

# Of the hand-tuned grid the best of each setting, by choose-by-hand and choose-by-hand-iid.
best() { python3 Experiments/best.py "$1" Experiments/${2:-choose-by-hand}*.csv; }

choose-rate() {
    local rate norms=()
    for rate in 0.05 0.1 0.2 0.4; do
        norms+=(--norm "BN, $rate: batch learning-rate=$rate" --norm "GN, $rate: group:8 learning-rate=$rate")
    done
    compare choose-rate 2 --measure held-out "${norms[@]}" --setting "iid 32: shuffled"
    norms=()
    for rate in 0.05 0.1 0.2; do
        norms+=(--norm "LN, $rate: layer learning-rate=$rate" --norm "IN, $rate: instance learning-rate=$rate")
    done
    compare choose-rate 1 --measure held-out "${norms[@]}" --setting "iid 32: shuffled"
}

choose-by-hand() { compare choose-by-hand 1 --measure held-out "${GRID[@]}" "${GROUPED[@]}"; }
choose-by-hand-iid() { compare choose-by-hand-iid 1 --measure held-out "${GRID_OF_ONE[@]}" "${IID[@]}"; }

# Without a margin first, where no variant was better than the first constants by more than seeds differ; then seed 4 of groups of
# one label showed what the margin is for (seeds 4 and 5). The results kept are from before there were limits, and have only
# seed 0 of most variants.
choose-automatic() {
    local still="batch-renorm adaptation=0.05 margin=0"
    compare choose-automatic 3 --measure held-out "${BN[@]}" --norm "adaptation 0.05, no margin: $still" \
        --norm "adaptation 0.1, no margin: batch-renorm adaptation=0.1 margin=0" \
        --norm "adaptation 0.2, no margin: batch-renorm adaptation=0.2 margin=0" \
        --norm "adaptation 0.02, no margin: batch-renorm adaptation=0.02 margin=0" \
        --norm "total variance, no margin: batch-renorm adaptation=0.05 spread=total margin=0" \
        --norm "mean of σ, no margin: batch-renorm adaptation=0.05 spread=mean margin=0" \
        --norm "memory 0.1, no margin: batch-renorm adaptation=0.05 memory=0.1 margin=0" \
        --norm "memory 0.02, no margin: batch-renorm adaptation=0.05 memory=0.02 margin=0" \
        --norm "floor 0.01, no margin: batch-renorm adaptation=0.05 floor=0.01 margin=0" \
        --norm "projection by group, no margin: batch-renorm adaptation=0.05 projection=group margin=0" \
        --norm "fixed gain 0.05: batch-renorm gain=0.05" "${GROUPED[@]}" --setting "iid 32: shuffled"
    compare choose-automatic 2 --measure held-out --first-seed 4 "${BN[@]}" \
        --norm "margin 0.05: batch-renorm margin=0.05" --norm "margin 0.1: batch-renorm margin=0.1" \
        --norm "margin 0.2: batch-renorm margin=0.2" "${ONE[@]}" "${TWO[@]}" "${FOURS[@]}" --setting "iid 32: shuffled"
}

# Of the limits around automatic ones: those that stay, narrower or as they begin, and none. What they are for is deep
# networks.
STILL=(--norm "r ≤ 3, d ≤ 5: batch-renorm widening=0")
choose-limits() {
    compare choose-limits 6 --measure held-out --first-seed 20 "${AUTO[@]}" "${STILL[@]}" \
        --norm "r ≤ 2, d ≤ 3: batch-renorm r-max=2 d-max=3 widening=0" --norm "no limits: batch-renorm r-max=1e9 d-max=1e9" "${ONE[@]}"
    compare choose-limits 6 --measure held-out --first-seed 20 --norm "widening 0.001: batch-renorm widening=0.001" \
        --norm "widening 0.004: batch-renorm widening=0.004" "${ONE[@]}"
}
# From which step on they widen, 1 / widening.
choose-widening() {
    compare "choose-widening, 10000" 2 --measure held-out --steps 10000 "${AUTO[@]}" "${STILL[@]}" \
        --norm "widening 0.001: batch-renorm widening=0.001" --norm "widening 0.004: batch-renorm widening=0.004" "${ONE[@]}"
    compare "choose-widening, resnet18" 1 --first-seed 1 --measure held-out --model resnet18 --steps 1000 --learning-rate 0.02 \
        "${AUTO[@]}" "${STILL[@]}" "${ONE[@]}"
}
# Gains that fall more slowly, in a deep network, and everywhere.
choose-adaptation() {
    compare choose-adaptation 3 --first-seed 3 --measure held-out "${AUTO[@]}" \
        --norm "adaptation 0.02: batch-renorm adaptation=0.02" "${ONE[@]}" "${FOURS[@]}"
    compare "choose-adaptation, digits" 5 --first-seed 3 --measure held-out "${DIGITS[@]}" "${AUTO[@]}" \
        --norm "adaptation 0.02: batch-renorm adaptation=0.02" "${FOURS[@]}"
    compare "choose-adaptation, resnet18" 2 --first-seed 3 --measure held-out --model resnet18 --steps 300 --learning-rate 0.02 \
        --curve-points 6 "${AUTO[@]}" --norm "adaptation 0.02: batch-renorm adaptation=0.02" "${FOURS[@]}"
}
# The rule by which what noise cannot explain counts at once, where nothing jumps and at a rate at which training breaks; what it is for
# is measured by stability.py. Every other BRN here is from before it.
jumps() {
    compare jumps 3 "${AUTO[@]}" "${ONE[@]}"
    compare jumps 1 "${AUTO[@]}" "${TWO[@]}" "${PAIRS[@]}" "${FOURS[@]}" "${SORTED[@]}" "${IID[@]}"
    compare "jumps, 10000" 3 --steps 10000 "${AUTO[@]}" "${ONE[@]}"
    compare "jumps, rate 3" 10 --steps 500 --norm "BRN, 3: batch-renorm learning-rate=3" "${FOURS[@]}"
}
# Other limits and other gains where training breaks (`rates` has BN and automatic limits there).
large-rates() {
    compare large-rates 6 --steps 500 --norm "no limits, 2: batch-renorm r-max=1e9 d-max=1e9 learning-rate=2" \
        --norm "no limits, 4: batch-renorm r-max=1e9 d-max=1e9 learning-rate=4" "${FOURS[@]}"
    local limits r d norms=()
    for limits in 3:2 3:1 3:0.5 2:3 2:1 1.5:5 1.5:1.5; do
        r=${limits%:*} d=${limits#*:}
        norms+=(--norm "r ≤ $r, d ≤ $d, 3: batch-renorm r-max=$r d-max=$d learning-rate=3")
    done
    compare large-rates 20 --steps 500 "${norms[@]}" \
        --norm "projection by group, 3: batch-renorm projection=group learning-rate=3" \
        --norm "floor 0.05, 3: batch-renorm floor=0.05 learning-rate=3" \
        --norm "adaptation 0.03, 3: batch-renorm adaptation=0.03 learning-rate=3" \
        --norm "adaptation 0.02, 3: batch-renorm adaptation=0.02 learning-rate=3" \
        --norm "ramp, 3: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.3 learning-rate=3" "${FOURS[@]}"
    compare large-rates 20 --steps 500 --norm "adaptation 0.02, 3: batch-renorm adaptation=0.02 learning-rate=3" \
        --setting "iid 32: shuffled"
}

# The test accuracy of a run of 500 steps in groups of 4, by train, which has options that compare lacks. Its held-out images differ
# by the seed.
trained() {
    local run=runs/$1 seed=$2
    shift 2
    if [ ! -e "$run.json" ]; then
        rm -rf "$run"
        mkdir -p "$(dirname "$run")"
        "$RENORM" train --data fashion-mnist --validation 10000 --model small:0.5 --batch-size 32 --norm-examples 4 --steps 500 \
            --weight-decay 0.0001 --seed "$seed" ${THREADS:+--threads "$THREADS"} --evaluate-every 500 --log json --run "$run" \
            "$@" >"$run.part" || return
        mv "$run.part" "$run.json"
    fi
    grep -o '"accuracy":[0-9.]*' "$run.json" | tail -1 | sed 's/.*://'
}
# What keeps training from breaking at a rate of 3, or more: a warm-up, and a limit of the gradients' norm.
warmup() {
    local seed accuracy
    mkdir -p runs
    {
        echo seed,accuracy
        for ((seed = 0; seed < ${SEEDS:-20}; seed++)); do
            accuracy=$(trained "warmup/$seed" "$seed" --norm batch-renorm --learning-rate 3 --warmup 50) || return
            echo "$seed,$accuracy"
        done
    } >runs/warmup.csv
    cp runs/warmup.csv Experiments/warmup.csv
}
clipping() {
    local norm rate seed accuracy
    mkdir -p runs
    {
        echo normalization,learning_rate,clip_norm,seed,accuracy
        for norm in batch batch-renorm; do
            for rate in 3 8 30; do
                for ((seed = 0; seed < ${SEEDS:-$([ $rate = 3 ] && echo 20 || echo 6)}; seed++)); do
                    accuracy=$(trained "clipping/$norm-$rate-$seed" "$seed" --norm "$norm" --learning-rate "$rate" \
                        --clip-norm 0.5) || return
                    echo "$norm,$rate,0.5,$seed,$accuracy"
                done
            done
        done
    } >runs/clipping.csv
    cp runs/clipping.csv Experiments/clipping.csv
}

# BN, automatic BRN and the setting's best hand-tuned BRN.
paper() {
    local setting name
    for setting in "${ALL[@]}"; do
        [ "$setting" = --setting ] && continue
        name=${setting%%:*}
        compare "paper, $name" 10 "${BN[@]}" "${AUTO[@]}" --norm "by hand: $(best "$name")" --setting "$setting"
    done
}
# GN, LN and IN do not know of groups: settings that differ in nothing else are one.
others() {
    compare others 3 "${SETTLED[@]}" --norm "IN, 0.2: instance learning-rate=0.2" "${ONE[@]}" "${TWO[@]}" --setting "iid 32: shuffled"
    compare others 3 --norm "BN, half groups: batch examples=half" "${ONE[@]}" "${TWO[@]}" "${FOURS[@]}" "${SORTED[@]}"
}
group-norm() { compare group-norm 10 --norm "GN: group:8" "${ONE[@]}"; }

ablations() {
    local fixed=(--norm "fixed gain 0.05: batch-renorm gain=0.05" --norm "fixed gain 0.2: batch-renorm gain=0.2")
    compare ablations 3 "${fixed[@]}" --setting "iid 32: shuffled"
    compare ablations 3 "${fixed[@]}" --norm "gains, projection by group: batch-renorm projection=group" \
        --norm "ramp, projection by step: batch-renorm limits=ramp:0.3:0.8:3:5 projection=0.95" \
        --norm "ramp: batch-renorm limits=ramp:0.3:0.8:3:5" "${ONE[@]}" "${TWO[@]}" "${FOURS[@]}" "${SORTED[@]}"
    compare ablations 3 "${AUTO[@]}" "${BN[@]}" --setting "sorted, any order, 8: sorted-batches:any-order examples=8"
}

sources() {
    python3 Experiments/second_camera.py
    compare sources 3 --data idx:.deps/fashion-mnist --data idx:.deps/second-camera "${BN[@]}" "${AUTO[@]}" \
        --norm "ramp, rate 0.01: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.01" --norm "GN: group:8" \
        --norm "IN: instance" \
        --setting "mixed: shuffled" --setting "blocks of 1: source-blocks:1" --setting "blocks of 4: source-blocks:4" \
        --setting "blocks of 20: source-blocks:20" --setting "blocks of 100: source-blocks:100"
}

# All over the range with 2 seeds, around where training begins to break with 6, and with 20 and 40 where it does.
rates() {
    local iid=(--setting "iid 32: shuffled")
    at_rates 2 "0.1 0.3 8" "${iid[@]}" "${FOURS[@]}"
    at_rates 6 "1 4" "${iid[@]}" "${FOURS[@]}"
    at_rates 20 "2 3" "${iid[@]}" "${FOURS[@]}"
    at_rates 40 "3" "${FOURS[@]}"
}
at_rates() {
    local seeds=$1 rate norms=()
    for rate in $2; do
        norms+=(--norm "BN, $rate: batch learning-rate=$rate" --norm "BRN, $rate: batch-renorm learning-rate=$rate")
    done
    shift 2
    compare rates "$seeds" --steps 500 "${norms[@]}" "$@"
}

# 5,000 digits of MNIST, 1,000 of them to test. Chosen on 1,000 others.
DIGITS=(--data idx:.deps/digits --held-out 1000)
choose-digits-by-hand() {
    local norms=() norm
    for norm in "${GRID[@]}"; do
        case $norm in *1.5:0.5*) norms=("${norms[@]:0:${#norms[@]}-1}") ;; *) norms+=("$norm") ;; esac
    done
    compare choose-digits-by-hand 1 "${DIGITS[@]}" --measure held-out "${norms[@]}" "${ONE[@]}" "${TWO[@]}" "${FOURS[@]}" "${SORTED[@]}" \
        --setting "iid 32: shuffled"
}
digits() {
    local setting name
    for setting in "${ONE[@]}" "${TWO[@]}" "${FOURS[@]}" "${SORTED[@]}" "iid 32: shuffled"; do
        [ "$setting" = --setting ] && continue
        name=${setting%%:*}
        compare digits 10 "${DIGITS[@]}" "${BN[@]}" "${AUTO[@]}" --norm "by hand: $(best "$name" choose-digits-by-hand)" \
            --setting "$setting"
    done
}

# "By hand" is what was best for 1,500 steps.
lengths() {
    local steps setting name seeds
    for steps in 500 2000 10000; do
        for setting in "${ONE[@]}" "${FOURS[@]}" "iid 32: shuffled"; do
            [ "$setting" = --setting ] && continue
            [ "$steps $setting" = "10000 iid 32: shuffled" ] && continue
            name=${setting%%:*}
            case "$steps $name" in "10000 one"*) seeds=3 ;; 10000*) seeds=6 ;; *) seeds=10 ;; esac
            compare "steps $steps" $seeds --steps $steps "${BN[@]}" "${AUTO[@]}" --norm "by hand: $(best "$name")" \
                --setting "$setting"
        done
    done
    # In such a long run a limit of r that stays costs accuracy.
    compare "steps 10000" 3 --steps 10000 "${STILL[@]}" "${ONE[@]}"
    compare "steps 10000" 1 --first-seed 1 --steps 10000 --norm "r ≤ 10, d ≤ 20: batch-renorm r-max=10 d-max=20 widening=0" \
        --norm "no limits: batch-renorm r-max=1e9 d-max=1e9" "${ONE[@]}"
}

choose-rate-resnet18() {
    compare choose-rate-resnet18 1 --measure held-out --model resnet18 --steps 300 --curve-points 3 \
        --norm "BN, 0.02: batch learning-rate=0.02" --norm "BN, 0.05: batch learning-rate=0.05" --setting "iid 32: shuffled"
}
resnet() {
    local setting name
    for setting in "${ONE[@]}" "${FOURS[@]}"; do
        [ "$setting" = --setting ] && continue
        name=${setting%%:*}
        compare resnet18 $([[ $name == one* ]] && echo 7 || echo 5) --model resnet18 --steps 300 --learning-rate 0.02 --curve-points 3 \
            "${BN[@]}" "${AUTO[@]}" --norm "by hand: $(best "$name")" \
            --setting "$setting"
    done
    compare resnet18 1 --first-seed 1 --model resnet18 --steps 300 --learning-rate 0.02 --curve-points 3 \
        --norm "r ≤ 10, d ≤ 20: batch-renorm r-max=10 d-max=20" --norm "no limits: batch-renorm r-max=1e9 d-max=1e9" "${ONE[@]}"
}

if [ $# -eq 0 ]; then
    echo "Experiments: $(declare -F | awk '{print $3}' | grep -vx 'compare\|best\|at_rates\|trained' | tr '\n' ' ')"
else
    for name; do "$name"; done
fi
