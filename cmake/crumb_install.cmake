# make install: the program, its completion for bash, the documents and the licences.
include(GNUInstallDirs)
install(TARGETS crumb RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES share/crumb.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME crumb)
install(FILES LICENSE THIRD_PARTY.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
