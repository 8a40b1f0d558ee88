// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

// The values and the meaning are those of the Windows SDK.

// Mutexes, semaphores and events: access.
public let MUTEX_MODIFY_STATE: DWORD = 0x0001
public let MUTEX_ALL_ACCESS: DWORD = 0x001F_0001
public let SEMAPHORE_MODIFY_STATE: DWORD = 0x0002
public let SEMAPHORE_ALL_ACCESS: DWORD = 0x001F_0003
public let EVENT_MODIFY_STATE: DWORD = 0x0002
public let EVENT_ALL_ACCESS: DWORD = 0x001F_0003
public let MAXIMUM_ALLOWED: DWORD = 0x0200_0000

// CreateFileMapping.
public let PAGE_NOACCESS: DWORD = 0x01
public let PAGE_READONLY: DWORD = 0x02
public let PAGE_READWRITE: DWORD = 0x04
public let PAGE_WRITECOPY: DWORD = 0x08
public let PAGE_EXECUTE_READ: DWORD = 0x20
public let PAGE_EXECUTE_READWRITE: DWORD = 0x40
public let PAGE_EXECUTE_WRITECOPY: DWORD = 0x80
public let SEC_RESERVE: DWORD = 0x0400_0000
public let SEC_COMMIT: DWORD = 0x0800_0000

// MapViewOfFile and OpenFileMapping.
public let FILE_MAP_COPY: DWORD = 0x0001
public let FILE_MAP_WRITE: DWORD = 0x0002
public let FILE_MAP_READ: DWORD = 0x0004
public let FILE_MAP_ALL_ACCESS: DWORD = 0x000F_001F

// VirtualQuery.
public let MEM_COMMIT: DWORD = 0x1000
public let MEM_MAPPED: DWORD = 0x4_0000

// CreateThread.
public let THREAD_SET_CONTEXT: DWORD = 0x0010
public let THREAD_SUSPEND_RESUME: DWORD = 0x0002

// GetSystemInfo.
public let PROCESSOR_ARCHITECTURE_AMD64: WORD = 9
public let PROCESSOR_ARCHITECTURE_ARM64: WORD = 12
