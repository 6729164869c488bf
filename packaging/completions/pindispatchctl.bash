# bash completion for pindispatchctl(1)

_pindispatchctl_ids()
{
    pindispatchctl "${config[@]}" --json list --state "$1" --limit 1000 2>/dev/null |
        sed -n 's/.*"id": *"\([0-9a-f-]\{36\}\)".*/\1/p'
}

_pindispatchctl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="submit status list show retry cancel hold release resolve method preview keygen seal audit metrics"
    local states="queued sending spooled deferred held in-doubt failed delivered nopin cancelled expired dry-run"
    local command="" words="" i
    local -a config=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config)
            config=(--config "${COMP_WORDS[++i]}")
            ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case $prev in
    -c | --config | -k | --key)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames
        return
        ;;
    -s | --state | --secret)
        [[ $command == preview ]] && states="pin puk"
        mapfile -t COMPREPLY < <(compgen -W "$states" -- "$cur")
        return
        ;;
    -m | --method)
        mapfile -t COMPREPLY < <(compgen -W "print email" -- "$cur")
        return
        ;;
    --curve)
        mapfile -t COMPREPLY < <(compgen -W "P-256 X25519" -- "$cur")
        return
        ;;
    -o | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames
        return
        ;;
    esac

    case $command in
    "") words="$commands --config --json --help --version" ;;
    submit) words="--wait --timeout --quiet --json --help" ;;
    list) words="--state --limit --json --help" ;;
    show) words=$(_pindispatchctl_ids queued,sending,spooled,deferred,held,in-doubt,failed,delivered) ;;
    retry) words="--reason $(_pindispatchctl_ids failed,deferred)" ;;
    cancel) words="--reason $(_pindispatchctl_ids queued,deferred,held,failed)" ;;
    hold) words="--reason $(_pindispatchctl_ids queued,deferred)" ;;
    release) words="--reason $(_pindispatchctl_ids held)" ;;
    resolve) words="--reason delivered failed $(_pindispatchctl_ids in-doubt)" ;;
    method)
        words="print email nopin --puk"
        [[ " ${COMP_WORDS[*]} " == *" --puk "* ]] && words="print email nopuk"
        ;;
    preview) words="--method --secret --output --reveal --json --help" ;;
    keygen) words="--curve --output --rotate --keep --audit --force --json --help" ;;
    seal) words="--key --source --id --json --help" ;;
    audit) words="verify export --after --store --key --json" ;;
    status | metrics) words="--json --help" ;;
    esac

    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [[ ($command == submit || $command == preview) && $cur != -* ]]; then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames
    fi
}

complete -F _pindispatchctl pindispatchctl
