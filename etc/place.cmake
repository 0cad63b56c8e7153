# Texts that name folders: `cmake --install --prefix` may choose others than the ones that were configured, so they are
# written when they are installed.
#
#   install_built(FILE DESTINATION [COMPONENT])   a file of the build tree, with the folders that were configured
#   install_text(FILE DESTINATION [COMPONENT])    a file for people, with those below /usr/local, where most install

# FROM, with each OLD replaced by its NEW, as TO, whose time changes only with its text.
function(place from to)
    file(READ "${from}" text)
    set(n 0)
    foreach(old new IN ZIP_LISTS PLACE_OLD PLACE_NEW)
        string(REPLACE "${old}" "\\<${n}\\>" text "${text}") # a new one must not be taken for an old one
        math(EXPR n "${n} + 1")
    endforeach()
    set(n 0)
    foreach(new IN LISTS PLACE_NEW)
        string(REPLACE "\\<${n}\\>" "${new}" text "${text}")
        math(EXPR n "${n} + 1")
    endforeach()
    if(EXISTS "${to}")
        file(READ "${to}" before)
    endif()
    if(NOT "${text}" STREQUAL "${before}")
        file(WRITE "${to}" "${text}")
    endif()
endfunction()

function(install_placed file destination component old new)
    get_filename_component(name ${file} NAME)
    set(placed ${CMAKE_BINARY_DIR}/placed/${destination}/${name})
    string(REPLACE "${CMAKE_INSTALL_PREFIX}" "\${CMAKE_INSTALL_PREFIX}" new "${new}")
    install(CODE "
        include(\"${CMAKE_SOURCE_DIR}/etc/place.cmake\")
        set(PLACE_OLD \"${old}\")
        set(PLACE_NEW \"${new}\")
        place(\"${file}\" \"${placed}\")" COMPONENT ${component})
    install(FILES ${placed} DESTINATION ${destination} COMPONENT ${component})
endfunction()

function(install_built file destination)
    install_placed(${file} ${destination} Unspecified "${CMAKE_INSTALL_PREFIX}/" "${CMAKE_INSTALL_PREFIX}/")
endfunction()

function(install_text file destination component)
    set(old /usr/local/etc /usr/local/lib/extprocd /usr/local/include /usr/local/share /usr/local)
    set(new ${CMAKE_INSTALL_FULL_SYSCONFDIR} ${EXTPROCD_PLUGIN_DIR} ${CMAKE_INSTALL_FULL_INCLUDEDIR}
        ${CMAKE_INSTALL_FULL_DATADIR} ${CMAKE_INSTALL_PREFIX})
    install_placed(${CMAKE_SOURCE_DIR}/${file} ${destination} ${component} "${old}" "${new}")
endfunction()
