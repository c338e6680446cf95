# Completion of crumb for bash. The words come from the program's own --help, so that this file knows
# no command and no option by name.

_crumb_words() {  # PROGRAM [COMMAND...]: its subcommands and long options, one a line
  "$@" --help 2>/dev/null | awk '
    /^(Subcommands|Commands):/ { commands = 1; next }
    /^[^ ]/ { commands = 0 }
    commands && /^  [a-z]/ { print $1 }
    {
      line = $0
      if (line !~ /^  -/) next
      while (match(line, /--[a-z][a-z-]*/)) {
        print substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
      }
    }'
}

_crumb() {
  local word=${COMP_WORDS[COMP_CWORD]} i
  local command=("${COMP_WORDS[0]}")
  for ((i = 1; i < COMP_CWORD; i++)); do
    # The words before the first option are the command and its subcommand.
    [[ ${COMP_WORDS[i]} =~ ^[a-z]+$ && ${#command[@]} -lt 3 ]] || break
    if _crumb_words "${command[@]}" | grep -qx -- "${COMP_WORDS[i]}"; then
      command+=("${COMP_WORDS[i]}")
    else
      break
    fi
  done
  COMPREPLY=()
  if [[ $word == -* || ${#command[@]} -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_crumb_words "${command[@]}")" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_crumb_words "${command[@]}" | grep '^[a-z]')" -- "$word")
  fi
  # What is no option is a model, a text or a folder: fall back to file names.
  if [[ ${#COMPREPLY[@]} -eq 0 && $word != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -F _crumb crumb
